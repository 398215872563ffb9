-- find_reported_device --
-- What a report of a device is checked against and added to: its traits, whether it sends notifications, its attributes and its
-- states. No join: SQLite would plan that anew with every execution.
SELECT
  traits, notifies, attributes,
  (SELECT states FROM device_state WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3)
FROM device WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;

-- list_states --
-- The states of all devices of an agent user; null for a device without.
SELECT d.device_id, s.states
FROM device AS d
LEFT JOIN device_state AS s
  ON s.project_id = d.project_id AND s.agent_user_id = d.agent_user_id AND s.device_id = d.device_id
WHERE d.project_id = ? AND d.agent_user_id = ?
ORDER BY d.device_id;

-- find_states --
-- The states of one device. Where there are none there may yet be the device.
SELECT states FROM device_state WHERE project_id = ? AND agent_user_id = ? AND device_id = ?;

-- renew_states --
-- Write the states of a device that has some.
UPDATE device_state SET trait_count = ?4, states = ?5
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;

-- save_states --
-- Write the states of a device, whether it has some or not.
INSERT INTO device_state (project_id, agent_user_id, device_id, trait_count, states)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (project_id, agent_user_id, device_id) DO UPDATE SET
  trait_count = excluded.trait_count,
  states = excluded.states;

-- delete_states --
-- Drop the states of a device but those of a JSON array of traits.
UPDATE device_state SET
  trait_count = (
    SELECT count(*) FROM json_each(CAST(states AS TEXT)) WHERE key IN (SELECT value FROM json_each(?4))
  ),
  states = (
    SELECT CAST(json_group_object(key, json(value)) AS BLOB) FROM json_each(CAST(states AS TEXT))
    WHERE key IN (SELECT value FROM json_each(?4))
  )
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3
  AND EXISTS (
    SELECT 1 FROM json_each(CAST(states AS TEXT)) WHERE key NOT IN (SELECT value FROM json_each(?4))
  );
