-- list_devices --
-- Devices of an agent user, by id.
SELECT d.device_id, f.definition, d.room, d.name, d.nicknames, d.chosen, d.added_at, d.changed_at
FROM device AS d
JOIN definition AS f USING (project_id, agent_user_id, device_id)
WHERE d.project_id = $1 AND d.agent_user_id = $2
ORDER BY d.device_id;

-- list_known --
-- Fingerprints of the devices of agent users, and whose they are; each with its agent user's place in the arrays.
SELECT k.place, d.fingerprint, d.device_id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, place)
JOIN device AS d USING (project_id, agent_user_id);

-- list_definitions --
-- Definitions of those of the devices that are here; each with its place in the arrays.
SELECT k.place, d.definition
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, device_id, place)
JOIN definition AS d USING (project_id, agent_user_id, device_id);

-- insert_device --
-- Write devices that were seen for the first time. One that is here after all keeps its placement, and has states.
INSERT INTO device (
  project_id, agent_user_id, device_id, fingerprint, changed_at, notifies, traits, attributes, trait_count, states,
  added_at, room, name, nicknames, chosen
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bytea[], $5::float8[], $6::boolean[], $7::text[], $8::bytea[], $9::bigint[], $10::bytea[],
  $11::float8[], $12::text[], $13::text[], $14::text[], $15::text[]
)
ON CONFLICT (project_id, agent_user_id, device_id) DO UPDATE SET
  fingerprint = excluded.fingerprint,
  changed_at = excluded.changed_at,
  traits = excluded.traits,
  notifies = excluded.notifies,
  attributes = excluded.attributes
RETURNING project_id, agent_user_id, device_id, states;

-- renew_device --
-- Write what is new of devices that are here, and their definitions, locking in key order; what states they have, each with its
-- device's place in the arrays.
WITH locked AS (
  SELECT
    k.place, k.project_id, k.agent_user_id, k.device_id, k.fingerprint, k.at, k.traits, k.notifies, k.attributes, k.definition
  FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bytea[], $5::float8[], $6::text[], $7::boolean[], $8::bytea[], $9::bytea[]
  ) WITH ORDINALITY AS k (
    project_id, agent_user_id, device_id, fingerprint, at, traits, notifies, attributes, definition, place
  )
  JOIN device AS d USING (project_id, agent_user_id, device_id)
  ORDER BY d.project_id, d.agent_user_id, d.device_id
  FOR NO KEY UPDATE OF d
), defined AS (
  UPDATE definition AS f SET definition = locked.definition
  FROM locked
  WHERE f.project_id = locked.project_id AND f.agent_user_id = locked.agent_user_id AND f.device_id = locked.device_id
)
UPDATE device AS d SET
  fingerprint = locked.fingerprint, changed_at = locked.at, traits = locked.traits, notifies = locked.notifies,
  attributes = locked.attributes
FROM locked
WHERE d.project_id = locked.project_id AND d.agent_user_id = locked.agent_user_id AND d.device_id = locked.device_id
RETURNING locked.place, d.states;

-- delete_devices --
-- Drop devices, and their definitions.
DELETE FROM device AS d
USING unnest($1::text[], $2::text[], $3::text[]) AS k (project_id, agent_user_id, device_id)
WHERE d.project_id = k.project_id AND d.agent_user_id = k.agent_user_id AND d.device_id = k.device_id;

-- delete_all_devices --
-- Drop an agent user's whole list.
DELETE FROM device WHERE project_id = $1 AND agent_user_id = $2;

-- move_devices --
-- Give an agent user's whole list to another one, placement, states and all.
UPDATE device SET agent_user_id = $3 WHERE project_id = $1 AND agent_user_id = $2;

-- recount --
-- Note how many devices and states agent users have, after there are more or fewer. Their rows are locked (lock_agent_users).
UPDATE agent_user AS u SET
  (device_count, state_count) = (
    SELECT count(*), coalesce(sum(d.trait_count), 0) FROM device AS d
    WHERE d.project_id = u.project_id AND d.agent_user_id = u.agent_user_id
  )
FROM unnest($1::text[], $2::text[]) AS k (project_id, agent_user_id)
WHERE u.project_id = k.project_id AND u.agent_user_id = k.agent_user_id AND u.linked;

-- place_device --
-- Set a device's placement.
UPDATE device SET room = $4, name = $5, nicknames = $6, chosen = $7
WHERE project_id = $1 AND agent_user_id = $2 AND device_id = $3;

-- lock_devices --
-- Lock devices in key order, against reports that were checked by what they are now.
SELECT d.device_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS k (project_id, agent_user_id, device_id)
JOIN device AS d USING (project_id, agent_user_id, device_id)
ORDER BY d.project_id, d.agent_user_id, d.device_id
FOR UPDATE OF d;

-- save_definition --
-- Write the definitions of those of the devices that are here.
INSERT INTO definition (project_id, agent_user_id, device_id, definition)
SELECT k.project_id, k.agent_user_id, k.device_id, k.definition
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS k (project_id, agent_user_id, device_id, definition)
JOIN device AS d USING (project_id, agent_user_id, device_id)
ON CONFLICT (project_id, agent_user_id, device_id) DO UPDATE SET definition = excluded.definition;
