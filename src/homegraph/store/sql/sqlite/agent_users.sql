-- list_agent_users --
-- Linked agent users of all projects after a key.
SELECT project_id, agent_user_id FROM agent_user
WHERE (project_id, agent_user_id) > (?, ?) AND linked = 1
ORDER BY project_id, agent_user_id
LIMIT ?;

-- list_agent_users_of_project --
-- Linked agent users of one project after an id.
SELECT project_id, agent_user_id FROM agent_user
WHERE project_id = ? AND agent_user_id > ? AND linked = 1
ORDER BY agent_user_id
LIMIT ?;

-- find_agent_user --
-- Whether an agent user is linked, since when it is not or is, and the last fence of its work.
SELECT linked, unlinked_at, linked_at, fence_last FROM agent_user
WHERE project_id = ? AND agent_user_id = ?;

-- is_linked_elsewhere --
-- Whether another project has a linked agent user of this name.
SELECT EXISTS (SELECT 1 FROM agent_user WHERE agent_user_id = ?2 AND linked = 1 AND project_id <> ?1);

-- link_agent_user --
-- Make an agent user linked, whether it was known before or not.
INSERT INTO agent_user (project_id, agent_user_id, linked, linked_at) VALUES (?, ?, 1, ?)
ON CONFLICT (project_id, agent_user_id) DO UPDATE SET linked = 1, linked_at = excluded.linked_at, unlinked_at = NULL;

-- unlink_agent_user --
-- Leave a tombstone of an agent user, with the last fence of its work.
UPDATE agent_user SET linked = 0, unlinked_at = ?3, device_count = 0, state_count = 0, held = '', fence_last = ?4
WHERE project_id = ?1 AND agent_user_id = ?2;

-- find_held --
-- The held devices of a linked agent user, as JSON; empty for none.
SELECT held FROM agent_user WHERE project_id = ? AND agent_user_id = ?;

-- write_held --
-- Keep the held devices of a linked agent user.
UPDATE agent_user SET held = ?3 WHERE project_id = ?1 AND agent_user_id = ?2 AND linked = 1;

-- count_agent_users --
-- How many agent users are linked, and how many devices and states they have. Tombstones count for nothing in any sum.
SELECT coalesce(sum(linked), 0), coalesce(sum(device_count), 0), coalesce(sum(state_count), 0) FROM agent_user;

-- count_agent_users_of_project --
-- How many agent users of a project are linked.
SELECT count(*) FROM agent_user WHERE project_id = ? AND linked = 1;
