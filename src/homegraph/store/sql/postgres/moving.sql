-- list_homes --
-- Agent users of a project after an id, tombstones too.
SELECT agent_user_id FROM agent_user
WHERE project_id = $1 AND agent_user_id > $2
ORDER BY agent_user_id
LIMIT $3;

-- list_homeless_links --
-- Users after one whose link to a project has no agent user.
SELECT user_id FROM link
WHERE project_id = $1 AND agent_user_id = '' AND user_id > $2
ORDER BY user_id
LIMIT $3;

-- export_agent_user --
-- Agent users, or the tombstones of some; each with its place in the arrays before it.
SELECT k.place, u.linked, u.linked_at, u.unlinked_at, u.fence_last, u.held
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, place)
JOIN agent_user AS u USING (project_id, agent_user_id);

-- export_devices --
-- Everything of the devices of agent users, in the order of their ids; each with its agent user's place in the arrays before it.
SELECT
  k.place, d.fingerprint, d.notifies, d.traits, d.attributes, d.states,
  d.device_id, f.definition, d.room, d.name, d.nicknames, d.chosen, d.added_at, d.changed_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, place)
JOIN device AS d USING (project_id, agent_user_id)
JOIN definition AS f USING (project_id, agent_user_id, device_id)
ORDER BY k.place, d.device_id;

-- find_unlinking --
-- When users wanted to be unlinked, and whose links are to end.
SELECT u.asked_at, u.project_id, u.user_id
FROM unnest($1::text[], $2::text[]) AS k (project_id, user_id)
JOIN unlinking AS u USING (project_id, user_id);

-- import_link --
-- Keep links that are not here, each with the last fence of its first SYNC, in the order of their keys.
INSERT INTO link (
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error, fence_last
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::float8[], $7::float8[], $8::text[], $9::bytea[], $10::text[],
  $11::text[], $12::float8[], $13::float8[], $14::float8[], $15::bigint[], $16::float8[], $17::text[], $18::bigint[]
);

-- import_agent_user --
-- Keep agent users, or the tombstones of some, that are not here, in the order of their keys.
INSERT INTO agent_user (
  project_id, agent_user_id, linked, linked_at, unlinked_at, fence_last, held, device_count, state_count
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::boolean[], $4::float8[], $5::float8[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[]
);

-- import_device --
-- Keep the devices of agent users that have come with them, in the order of their keys.
INSERT INTO device (
  project_id, agent_user_id, device_id, fingerprint, changed_at, notifies, traits, attributes, trait_count, states,
  added_at, room, name, nicknames, chosen
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bytea[], $5::float8[], $6::boolean[], $7::text[], $8::bytea[], $9::bigint[], $10::bytea[],
  $11::float8[], $12::text[], $13::text[], $14::text[], $15::text[]
);
