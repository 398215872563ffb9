-- find_reported_device --
-- What a report of a device is checked against and added to: its traits, whether it sends notifications, its attributes, how many
-- traits have states, and the states; before them its id and the number of its rows.
SELECT ?3, device, traits, notifies, attributes, trait_count, states FROM reported
WHERE device = (SELECT id FROM device WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3);

-- find_two_reported_devices --
-- The same for those of two devices that are here.
SELECT n.column1, device, traits, notifies, attributes, trait_count, states FROM (VALUES (?3), (?4)) AS n
CROSS JOIN device AS d ON project_id = ?1 AND agent_user_id = ?2 AND device_id = n.column1
CROSS JOIN reported ON device = id;

-- list_states --
-- The states of all devices of an agent user; null for a device without.
SELECT device_id, (SELECT states FROM reported AS r WHERE r.device = d.id) FROM device AS d
WHERE project_id = ? AND agent_user_id = ?
ORDER BY device_id;

-- find_states --
-- The states of one device, null for one without; before them its id and the number of its rows.
SELECT ?3, device, states FROM reported
WHERE device = (SELECT id FROM device WHERE project_id = ?1 AND agent_user_id = ?2 AND device_id = ?3);

-- find_states_of_two --
-- The same for those of two devices that are here.
SELECT n.column1, device, states FROM (VALUES (?3), (?4)) AS n
CROSS JOIN device AS d ON project_id = ?1 AND agent_user_id = ?2 AND device_id = n.column1
CROSS JOIN reported ON device = id;

-- save_states --
-- Write the states of a device, by the number of its rows.
UPDATE reported SET trait_count = ?2, states = ?3 WHERE device = ?1;
