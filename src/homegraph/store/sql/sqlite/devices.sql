-- list_devices --
-- Devices of an agent user after an id.
SELECT d.device_id, f.definition, d.room, d.name, d.nicknames, d.chosen, d.added_at, d.changed_at
FROM device AS d
JOIN definition AS f ON f.device = d.id
WHERE d.project_id = ? AND d.agent_user_id = ? AND d.device_id > ?
ORDER BY d.device_id
LIMIT ?;

-- list_known --
-- Fingerprints of an agent user's devices, and whose they are.
SELECT fingerprint, device_id FROM device WHERE project_id = ? AND agent_user_id = ?;

-- list_definitions --
-- The definition of a device. No join: with bound values SQLite plans one anew each time, which takes three times as long as this.
SELECT definition FROM definition
WHERE device = (SELECT id FROM device WHERE project_id = ? AND agent_user_id = ? AND device_id = ?);

-- insert_device --
-- Write a device that was seen for the first time. One that is here after all keeps its placement.
INSERT INTO device (
  project_id, agent_user_id, device_id, fingerprint, added_at, changed_at,
  room, name, nicknames, chosen, traits, notifies, attributes
)
VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (project_id, agent_user_id, device_id) DO UPDATE SET
  fingerprint = excluded.fingerprint,
  changed_at = excluded.changed_at,
  traits = excluded.traits,
  notifies = excluded.notifies,
  attributes = excluded.attributes;

-- renew_device --
-- Write what is new of a device that is here, by the number of its row.
UPDATE device SET fingerprint = ?2, changed_at = ?3, traits = ?4, notifies = ?5, attributes = ?6 WHERE id = ?1;

-- save_definition --
-- Write the definition of a device that is here, by the number of its row.
INSERT INTO definition (device, definition) VALUES (?, ?)
ON CONFLICT (device) DO UPDATE SET definition = excluded.definition;

-- delete_devices --
-- Drop the devices of a JSON array of ids, and their definitions.
DELETE FROM device
WHERE project_id = ? AND agent_user_id = ? AND device_id IN (SELECT value FROM json_each(?));

-- delete_all_devices --
-- Drop an agent user's whole list.
DELETE FROM device WHERE project_id = ? AND agent_user_id = ?;

-- move_devices --
-- Give an agent user's whole list to another one, placement, states and all.
UPDATE device SET agent_user_id = ?3 WHERE project_id = ?1 AND agent_user_id = ?2;

-- recount --
-- Note how many devices and states an agent user has, after there are more or fewer.
UPDATE agent_user SET
  (device_count, state_count) = (
    SELECT count(*), coalesce(sum(trait_count), 0) FROM device WHERE project_id = ?1 AND agent_user_id = ?2
  )
WHERE project_id = ?1 AND agent_user_id = ?2 AND linked = 1;

-- place_device --
-- Set a device's placement.
UPDATE device SET room = ?4, name = ?5, nicknames = ?6, chosen = ?7
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;
