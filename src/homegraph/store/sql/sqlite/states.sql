-- find_reported_device --
-- What a report of a device is checked against: its traits, and whether it sends notifications.
SELECT traits, notifies FROM device WHERE project_id = ? AND agent_user_id = ? AND device_id = ?;

-- list_states --
-- The states of all devices of an agent user; a device without states is one row without a trait.
SELECT d.device_id, s.trait, s.state, s.committed_at
FROM device AS d
LEFT JOIN trait_state AS s
  ON s.project_id = d.project_id AND s.agent_user_id = d.agent_user_id AND s.device_id = d.device_id
WHERE d.project_id = ? AND d.agent_user_id = ?
ORDER BY d.device_id, s.trait;

-- list_states_of_device --
-- The states of one device as a JSON array of [trait, state, time]; no row when it is not here. One row, because each costs a
-- hand-over between threads. State and time are texts, so that JSON changes nothing of them: 17 digits are all of a REAL.
SELECT (
  SELECT json_group_array(json_array(trait, CAST(state AS TEXT), format('%!.17g', committed_at))) FROM trait_state
  WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3
)
FROM device WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3;

-- renew_state --
-- Replace a trait's state, if it has one.
UPDATE trait_state SET state = ?5, committed_at = ?6
WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3 AND trait = ?4;

-- insert_state --
-- Write a trait's state, unless it has one.
INSERT INTO trait_state (project_id, agent_user_id, device_id, trait, state, committed_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (project_id, agent_user_id, device_id, trait) DO NOTHING;

-- delete_states --
-- Drop the states of a device but those of a JSON array of traits.
DELETE FROM trait_state
WHERE project_id = ? AND agent_user_id = ? AND device_id = ? AND trait NOT IN (SELECT value FROM json_each(?));
