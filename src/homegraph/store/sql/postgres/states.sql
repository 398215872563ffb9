-- find_reported_device --
-- What reports of devices are checked against and added to: traits, whether they send notifications, attributes and states; each with
-- its place in the arrays. Locked in key order: whoever changes the devices, or reports of them too, waits.
SELECT k.place, d.traits, d.notifies, d.attributes, d.states
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, device_id, place)
JOIN device AS d USING (project_id, agent_user_id, device_id)
ORDER BY d.project_id, d.agent_user_id, d.device_id
FOR NO KEY UPDATE OF d;

-- list_states --
-- The states of all devices of an agent user; null for a device without.
SELECT device_id, states FROM device WHERE project_id = $1 AND agent_user_id = $2 ORDER BY device_id;

-- find_states --
-- The states of those devices that are here, null for a device without; each with its place in the arrays.
SELECT k.place, d.states
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, device_id, place)
JOIN device AS d USING (project_id, agent_user_id, device_id);

-- save_states --
-- Write the states of devices, which are locked.
UPDATE device AS d SET trait_count = k.trait_count, states = k.states
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])
  AS k (project_id, agent_user_id, device_id, trait_count, states)
WHERE d.project_id = k.project_id AND d.agent_user_id = k.agent_user_id AND d.device_id = k.device_id;
