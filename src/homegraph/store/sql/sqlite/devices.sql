-- list_devices --
-- Devices of an agent user, by id.
SELECT d.device_id, f.definition, r.room, r.name, r.nicknames, r.chosen, r.added_at, d.changed_at
FROM device AS d
JOIN reported AS r ON r.device = d.id
JOIN definition AS f ON f.device = d.id
WHERE d.project_id = ? AND d.agent_user_id = ?
ORDER BY d.device_id;

-- list_known --
-- Fingerprints of an agent user's devices, and whose they are.
SELECT fingerprint, device_id FROM device WHERE project_id = ? AND agent_user_id = ?;

-- list_definitions --
-- The definition of a device.
SELECT definition FROM definition
WHERE device = (SELECT id FROM device WHERE project_id = ? AND agent_user_id = ? AND device_id = ?);

-- insert_device --
-- Put a device into the list of its agent user, by the number of what was written with insert_reported.
INSERT INTO device (project_id, agent_user_id, device_id, id, fingerprint, changed_at) VALUES (?, ?, ?, ?, ?, ?);

-- insert_reported --
-- Write what is reported of a device that comes into the list, and where it stands.
INSERT INTO reported (
  notifies, traits, attributes, trait_count, states, added_at, room, name, nicknames, chosen
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- renew_device --
-- Note the bytes that a device has now; the number of its rows, nothing for one that is not here.
UPDATE device SET fingerprint = ?4, changed_at = ?5
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3
RETURNING id;

-- renew_reported --
-- Write what may be reported of a device that is here, by the number of its rows.
UPDATE reported SET traits = ?2, notifies = ?3, attributes = ?4 WHERE device = ?1;

-- save_definition --
-- Write the definition of a device that is here, by the number of its rows.
INSERT INTO definition (device, definition) VALUES (?, ?)
ON CONFLICT (device) DO UPDATE SET definition = excluded.definition;

-- delete_devices --
-- Take the devices of a JSON array of ids from a list; the numbers of their rows.
DELETE FROM device
WHERE project_id = ? AND agent_user_id = ? AND device_id IN (SELECT value FROM json_each(?))
RETURNING id;

-- delete_all_devices --
-- Empty an agent user's list; the numbers of the rows.
DELETE FROM device WHERE project_id = ? AND agent_user_id = ? RETURNING id;

-- delete_reported --
-- Drop what is reported of a device, and its definition, by the number of its rows.
DELETE FROM reported WHERE device = ?;

-- move_devices --
-- Give an agent user's whole list to another one, placement, states and all.
UPDATE device SET agent_user_id = ?3 WHERE project_id = ?1 AND agent_user_id = ?2;

-- recount --
-- Note how many devices and states an agent user has, after there are more or fewer.
UPDATE agent_user SET
  (device_count, state_count) = (
    SELECT count(*), coalesce(sum((SELECT trait_count FROM reported AS r WHERE r.device = d.id)), 0)
    FROM device AS d WHERE project_id = ?1 AND agent_user_id = ?2
  )
WHERE project_id = ?1 AND agent_user_id = ?2 AND linked = 1;

-- place_device --
-- Set a device's placement.
UPDATE reported SET room = ?4, name = ?5, nicknames = ?6, chosen = ?7
WHERE device = (SELECT id FROM device WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3);
