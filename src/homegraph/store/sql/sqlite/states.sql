-- find_reported_device --
-- What a report of a device is checked against and added to: its traits, whether it sends notifications, its attributes and its
-- states; before them the number of its rows.
SELECT device, traits, notifies, attributes, states FROM reported
WHERE device = (SELECT id FROM device WHERE project_id = ? AND agent_user_id = ? AND device_id = ?);

-- list_states --
-- The states of all devices of an agent user; null for a device without.
SELECT device_id, (SELECT states FROM reported AS r WHERE r.device = d.id) FROM device AS d
WHERE project_id = ? AND agent_user_id = ?
ORDER BY device_id;

-- find_states --
-- The states of one device, and before them the number of its rows; null for a device without.
SELECT device, states FROM reported
WHERE device = (SELECT id FROM device WHERE project_id = ? AND agent_user_id = ? AND device_id = ?);

-- save_states --
-- Write the states of a device, by the number of its rows.
UPDATE reported SET trait_count = ?2, states = ?3 WHERE device = ?1;
