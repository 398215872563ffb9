-- list_links --
-- Links of all projects after a key.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE (project_id, user_id) > ($1, $2)
ORDER BY project_id, user_id
LIMIT $3;

-- list_links_of_project --
-- Links of one project after a user.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE project_id = $1 AND user_id > $2
ORDER BY user_id
LIMIT $3;

-- list_links_of_agent_user --
-- All links of agent users, whatever their state, in no order; each with its agent user's place in the arrays before it.
SELECT
  k.place, l.project_id, l.user_id, l.state, l.sealed_access, l.sealed_refresh, l.expires_at,
  l.created_at, l.agent_user_id, l.grant_digest, l.origin, l.problem, l.changed_at,
  l.issued_at, l.refresh_until, l.refresh_failures, l.refresh_due_at, l.refresh_error
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, place)
JOIN link AS l USING (project_id, agent_user_id);

-- list_first_syncs --
-- Links of a project whose first SYNC has not succeeded.
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link
WHERE project_id = $1 AND agent_user_id = '' AND state IN ('linking', 'broken')
ORDER BY user_id
LIMIT $2;

-- find_link --
-- Links of users.
SELECT
  l.project_id, l.user_id, l.state, l.sealed_access, l.sealed_refresh, l.expires_at,
  l.created_at, l.agent_user_id, l.grant_digest, l.origin, l.problem, l.changed_at,
  l.issued_at, l.refresh_until, l.refresh_failures, l.refresh_due_at, l.refresh_error
FROM unnest($1::text[], $2::text[]) AS k (project_id, user_id)
JOIN link AS l USING (project_id, user_id);

-- save_link --
-- Create links, or write all of them.
INSERT INTO link (
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::float8[], $7::float8[], $8::text[], $9::bytea[], $10::text[],
  $11::text[], $12::float8[], $13::float8[], $14::float8[], $15::bigint[], $16::float8[], $17::text[]
)
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

-- count_other_links --
-- How many links an agent user has that have not ended, one user's left out.
SELECT count(*) FROM link
WHERE project_id = $1 AND agent_user_id = $2 AND state <> 'unlinked' AND user_id <> $3;

-- find_link_fence --
-- The last fences of links' first SYNCs, and whose links they are.
SELECT l.fence_last, l.project_id, l.user_id
FROM unnest($1::text[], $2::text[]) AS k (project_id, user_id)
JOIN link AS l USING (project_id, user_id);

-- keep_link_fence --
-- Remember the last fence of a link's first SYNC, whose work is about to go.
UPDATE link SET fence_last = $3 WHERE project_id = $1 AND user_id = $2;

-- bind_link --
-- Give links, which are locked, to agent users; and remember the last fences of their first SYNCs, whose work is about to go.
UPDATE link AS l SET
  state = k.state, agent_user_id = k.agent_user_id, problem = k.problem, changed_at = k.changed_at, fence_last = k.fence
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::bigint[])
  AS k (project_id, user_id, state, agent_user_id, problem, changed_at, fence)
WHERE l.project_id = k.project_id AND l.user_id = k.user_id;

-- count_links --
-- How many links are linking, linked, broken and unlinked.
SELECT
  count(*) FILTER (WHERE state = 'linking'),
  count(*) FILTER (WHERE state = 'linked'),
  count(*) FILTER (WHERE state = 'broken'),
  count(*) FILTER (WHERE state = 'unlinked')
FROM link;

-- count_links_of_project --
-- The same of one project.
SELECT
  count(*) FILTER (WHERE state = 'linking'),
  count(*) FILTER (WHERE state = 'linked'),
  count(*) FILTER (WHERE state = 'broken'),
  count(*) FILTER (WHERE state = 'unlinked')
FROM link
WHERE project_id = $1;

-- lock_links --
-- Links of users, each locked until the transaction ends, in key order.
SELECT
  l.project_id, l.user_id, l.state, l.sealed_access, l.sealed_refresh, l.expires_at,
  l.created_at, l.agent_user_id, l.grant_digest, l.origin, l.problem, l.changed_at,
  l.issued_at, l.refresh_until, l.refresh_failures, l.refresh_due_at, l.refresh_error
FROM unnest($1::text[], $2::text[]) AS k (project_id, user_id)
JOIN link AS l USING (project_id, user_id)
ORDER BY l.project_id, l.user_id
FOR UPDATE OF l;

-- reserve_links --
-- Make rows of links that are not here, so that they can be locked: as good as none for graph.linking, ended and without a grant.
INSERT INTO link (
  project_id, user_id, state, sealed_access, sealed_refresh, created_at, agent_user_id, grant_digest, origin, problem, changed_at
)
SELECT k.project_id, k.user_id, 'unlinked', ''::bytea, ''::bytea, $3::float8, '', ''::bytea, '', '', $3::float8
FROM unnest($1::text[], $2::text[]) AS k (project_id, user_id)
ORDER BY k.project_id COLLATE "C", k.user_id COLLATE "C"
ON CONFLICT (project_id, user_id) DO NOTHING;

-- note_link_problem --
-- Set a link's problem, unless it has ended, has broken, or belongs to another agent user by now.
UPDATE link
SET problem = $4, changed_at = $5
WHERE project_id = $1 AND user_id = $2 AND agent_user_id = $3 AND state IN ('linking', 'linked');

-- insert_unlinking --
-- A user wants to be unlinked, and the fulfillment is told first.
INSERT INTO unlinking (project_id, user_id, asked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- delete_unlinking --
-- The links have ended, or new grants have come.
DELETE FROM unlinking AS u
USING unnest($1::text[], $2::text[]) AS k (project_id, user_id)
WHERE u.project_id = k.project_id AND u.user_id = k.user_id;

-- list_unlinkings --
-- Users who wanted to be unlinked before a time and are not yet; there are as many as fulfillments are being told at this moment.
SELECT project_id, user_id FROM unlinking WHERE asked_at <= $1 ORDER BY project_id, user_id;
