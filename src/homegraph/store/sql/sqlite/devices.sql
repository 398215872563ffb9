-- list_devices --
-- Devices of an agent user after an id.
SELECT device_id, definition, room, name, nicknames, chosen, added_at, changed_at
FROM device
WHERE project_id = ? AND agent_user_id = ? AND device_id > ?
ORDER BY device_id
LIMIT ?;

-- list_known --
-- Fingerprints of an agent user's devices, and whose they are.
SELECT fingerprint, device_id FROM device WHERE project_id = ? AND agent_user_id = ?;

-- list_definitions --
-- Definitions of those devices of a JSON array of ids that are here.
SELECT device_id, definition FROM device
WHERE project_id = ? AND agent_user_id = ? AND device_id IN (SELECT value FROM json_each(?));

-- insert_device --
-- Write a device that was seen for the first time. One that is here after all keeps its placement.
INSERT INTO device (
  project_id, agent_user_id, device_id, fingerprint, added_at, changed_at,
  room, name, nicknames, chosen, traits, notifies, attributes, definition
)
VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (project_id, agent_user_id, device_id) DO UPDATE SET
  fingerprint = excluded.fingerprint,
  changed_at = excluded.changed_at,
  traits = excluded.traits,
  notifies = excluded.notifies,
  attributes = excluded.attributes,
  definition = excluded.definition;

-- renew_device --
-- Write a new definition of a device that is here.
UPDATE device SET fingerprint = ?4, changed_at = ?5, traits = ?6, notifies = ?7, attributes = ?8, definition = ?9
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;

-- delete_devices --
-- Drop the devices of a JSON array of ids, and their states.
DELETE FROM device
WHERE project_id = ? AND agent_user_id = ? AND device_id IN (SELECT value FROM json_each(?));

-- delete_all_devices --
-- Drop an agent user's whole list, and all states.
DELETE FROM device WHERE project_id = ? AND agent_user_id = ?;

-- move_devices --
-- Give an agent user's whole list to another one, placement, states and all.
UPDATE device SET agent_user_id = ?3 WHERE project_id = ?1 AND agent_user_id = ?2;

-- recount --
-- Note how many devices and states an agent user has, after there are more or fewer.
UPDATE agent_user SET
  device_count = (SELECT count(*) FROM device WHERE project_id = ?1 AND agent_user_id = ?2),
  state_count = (SELECT coalesce(sum(trait_count), 0) FROM device_state WHERE project_id = ?1 AND agent_user_id = ?2)
WHERE project_id = ?1 AND agent_user_id = ?2 AND linked = 1;

-- place_device --
-- Set a device's placement.
UPDATE device SET room = ?4, name = ?5, nicknames = ?6, chosen = ?7
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;
