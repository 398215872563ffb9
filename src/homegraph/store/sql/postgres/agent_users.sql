-- list_agent_users --
-- Linked agent users of all projects after a key.
SELECT project_id, agent_user_id FROM agent_user
WHERE (project_id, agent_user_id) > ($1, $2) AND linked
ORDER BY project_id, agent_user_id
LIMIT $3;

-- list_agent_users_of_project --
-- Linked agent users of one project after an id.
SELECT project_id, agent_user_id FROM agent_user
WHERE project_id = $1 AND agent_user_id > $2 AND linked
ORDER BY agent_user_id
LIMIT $3;

-- find_agent_user --
-- Of agent users that are known: whether they are linked, since when they are not or are, and the last fence of their work.
SELECT u.linked, u.unlinked_at, u.linked_at, u.fence_last, u.project_id, u.agent_user_id
FROM unnest($1::text[], $2::text[]) AS k (project_id, agent_user_id)
JOIN agent_user AS u USING (project_id, agent_user_id);

-- is_linked_elsewhere --
-- Whether another project has a linked agent user of this name.
SELECT EXISTS (SELECT 1 FROM agent_user WHERE agent_user_id = $2 AND linked AND project_id <> $1);

-- link_agent_user --
-- Make agent users linked that are not, whether they were known before or not, with the numbers of devices and states that are
-- about to come, and their held devices.
INSERT INTO agent_user (project_id, agent_user_id, linked, linked_at, device_count, state_count, held)
SELECT k.project_id, k.agent_user_id, true, k.linked_at, k.device_count, k.state_count, k.held
FROM unnest($1::text[], $2::text[], $3::float8[], $4::bigint[], $5::bigint[], $6::text[])
  AS k (project_id, agent_user_id, linked_at, device_count, state_count, held)
ON CONFLICT (project_id, agent_user_id) DO UPDATE SET
  linked = true, linked_at = excluded.linked_at, unlinked_at = NULL,
  device_count = excluded.device_count, state_count = excluded.state_count, held = excluded.held;

-- unlink_agent_user --
-- Leave a tombstone of an agent user, with the last fence of its work.
UPDATE agent_user SET linked = false, unlinked_at = $3, device_count = 0, state_count = 0, held = '', fence_last = $4
WHERE project_id = $1 AND agent_user_id = $2;

-- find_held --
-- The held devices of a linked agent user, as JSON; empty for none.
SELECT held FROM agent_user WHERE project_id = $1 AND agent_user_id = $2;

-- write_held --
-- Keep the held devices of a linked agent user.
UPDATE agent_user SET held = $3 WHERE project_id = $1 AND agent_user_id = $2 AND linked;

-- count_agent_users --
-- How many agent users are linked, and how many devices and states they have. Tombstones count for nothing in any sum.
SELECT
  count(*) FILTER (WHERE linked), coalesce(sum(device_count), 0)::bigint, coalesce(sum(state_count), 0)::bigint
FROM agent_user;

-- count_agent_users_of_project --
-- How many agent users of a project are linked.
SELECT count(*) FROM agent_user WHERE project_id = $1 AND linked;

-- lock_agent_users --
-- Lock the rows of agent users in key order, before what belongs to them is counted.
SELECT u.project_id
FROM unnest($1::text[], $2::text[]) AS k (project_id, agent_user_id)
JOIN agent_user AS u USING (project_id, agent_user_id)
ORDER BY u.project_id, u.agent_user_id
FOR NO KEY UPDATE OF u;

-- grow_state_counts --
-- Add to the numbers of states that agent users have, in key order.
WITH locked AS (
  SELECT u.project_id, u.agent_user_id, k.more
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (project_id, agent_user_id, more)
  JOIN agent_user AS u USING (project_id, agent_user_id)
  ORDER BY u.project_id, u.agent_user_id
  FOR NO KEY UPDATE OF u
)
UPDATE agent_user AS u SET state_count = u.state_count + locked.more
FROM locked
WHERE u.project_id = locked.project_id AND u.agent_user_id = locked.agent_user_id;
