-- find_linking --
-- One linking.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
FROM linking
WHERE project_id = $1 AND linking_id = $2;

-- lock_linking --
-- Linkings, each locked until the transaction ends, in key order.
SELECT
  l.linking_id, l.project_id, l.user_id, l.redirect_uri, l.created_at, l.expires_at, l.sealed_verifier, l.used_at, l.outcome, l.steps
FROM unnest($1::text[], $2::text[]) AS k (project_id, linking_id)
JOIN linking AS l USING (project_id, linking_id)
ORDER BY l.project_id, l.linking_id
FOR UPDATE OF l;

-- list_linkings --
-- Linkings of one user, newest first.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
FROM linking
WHERE project_id = $1 AND user_id = $2
ORDER BY created_at DESC
LIMIT $3;

-- insert_linking --
-- Keep a linking that begins.
INSERT INTO linking (
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- count_linkings --
-- How many linkings of a project are kept.
SELECT count(*) FROM linking WHERE project_id = $1;

-- delete_linkings --
-- Drop the linkings of a project whose state ended before a time.
DELETE FROM linking WHERE project_id = $1 AND expires_at <= $2;

-- delete_oldest_linking --
-- Drop the linking of a project whose state ended first, if one has ended before a time.
DELETE FROM linking
WHERE (project_id, linking_id) = (
  SELECT project_id, linking_id FROM linking WHERE project_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT 1
);

-- save_linking --
-- Write what changes in linkings, which are locked.
UPDATE linking AS l SET used_at = k.used_at, sealed_verifier = k.sealed_verifier, outcome = k.outcome, steps = k.steps
FROM unnest($1::text[], $2::text[], $3::float8[], $4::bytea[], $5::text[], $6::text[])
  AS k (project_id, linking_id, used_at, sealed_verifier, outcome, steps)
WHERE l.project_id = k.project_id AND l.linking_id = k.linking_id;

-- interrupt_linkings --
-- A process died with the code in its hands, for nobody holds one so long: nobody knows what became of the code.
UPDATE linking SET outcome = $1, sealed_verifier = ''
WHERE used_at <= $2 AND outcome = '';
