-- list_links --
-- Links of all projects after a key.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE (project_id, user_id) > (?, ?)
ORDER BY project_id, user_id
LIMIT ?;

-- list_links_of_project --
-- Links of one project after a user.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE project_id = ? AND user_id > ?
ORDER BY user_id
LIMIT ?;

-- list_links_of_agent_user --
-- All links of an agent user, whatever their state, in no order: there are one or two, and sorting here would cost more
-- than reading them.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE project_id = ? AND agent_user_id = ?;

-- list_first_syncs --
-- Links of a project whose first SYNC has not succeeded.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link INDEXED BY link_first_sync
WHERE project_id = ? AND agent_user_id = '' AND state IN ('linking', 'broken')
ORDER BY user_id
LIMIT ?;

-- find_link --
-- One link.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE project_id = ? AND user_id = ?;

-- save_link --
-- Create a link, or write all of it.
INSERT INTO link (
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project_id, user_id) DO UPDATE SET
  state = excluded.state,
  sealed_access = excluded.sealed_access,
  sealed_refresh = excluded.sealed_refresh,
  expires_at = excluded.expires_at,
  created_at = excluded.created_at,
  agent_user_id = excluded.agent_user_id,
  grant_digest = excluded.grant_digest,
  origin = excluded.origin,
  problem = excluded.problem,
  changed_at = excluded.changed_at,
  issued_at = excluded.issued_at,
  refresh_until = excluded.refresh_until,
  refresh_failures = excluded.refresh_failures,
  refresh_due_at = excluded.refresh_due_at,
  refresh_error = excluded.refresh_error;

-- end_refreshes --
-- Void every turn to refresh: nobody who had one lives.
UPDATE link INDEXED BY link_refreshing SET refresh_until = 0 WHERE refresh_until > 0;

-- note_link_problem --
-- Set a link's problem, unless it has ended, has broken, or belongs to another agent user by now.
UPDATE link
SET problem = ?4, changed_at = ?5
WHERE project_id = ?1 AND user_id = ?2 AND agent_user_id = ?3 AND state IN ('linking', 'linked');

-- count_other_links --
-- How many links an agent user has that have not ended, one user's left out.
SELECT count(*) FROM link
WHERE project_id = ? AND agent_user_id = ? AND state <> 'unlinked' AND user_id <> ?;

-- find_link_fence --
-- The last fence of a link's first SYNC.
SELECT fence_last FROM link WHERE project_id = ? AND user_id = ?;

-- keep_link_fence --
-- Remember the last fence of a link's first SYNC, whose work is about to go.
UPDATE link SET fence_last = ?3 WHERE project_id = ?1 AND user_id = ?2;

-- count_links --
-- How many links are linking, linked, broken and unlinked. Linked are those that are not in the index of the others.
SELECT
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'linking'),
  (SELECT count(*) FROM link) - (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked'),
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'broken'),
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'unlinked');

-- count_links_of_project --
-- The same of one project.
SELECT
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'linking' AND project_id = ?1),
  (SELECT count(*) FROM link WHERE project_id = ?1)
  - (
    SELECT count(*) FROM link INDEXED BY link_not_linked
    WHERE state <> 'linked' AND state IN ('linking', 'broken', 'unlinked') AND project_id = ?1
  ),
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'broken' AND project_id = ?1),
  (SELECT count(*) FROM link INDEXED BY link_not_linked WHERE state <> 'linked' AND state = 'unlinked' AND project_id = ?1);

-- insert_unlinking --
-- A user wants to be unlinked, and the fulfillment is told first.
INSERT INTO unlinking (project_id, user_id, asked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- delete_unlinking --
-- The link has ended, or a new grant has come.
DELETE FROM unlinking WHERE project_id = ? AND user_id = ?;

-- list_unlinkings --
-- Users who wanted to be unlinked before a time and are not yet; there are as many as fulfillments are being told at this moment.
SELECT project_id, user_id FROM unlinking WHERE asked_at <= ? ORDER BY project_id, user_id;
