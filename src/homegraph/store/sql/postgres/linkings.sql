-- find_linking --
-- One linking.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
FROM linking
WHERE project_id = $1 AND linking_id = $2;

-- lock_linking --
-- What happened in a linking so far, for whoever adds to it.
SELECT steps FROM linking WHERE project_id = $1 AND linking_id = $2 FOR UPDATE;

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

-- use_linking --
-- The browser came back, for the first time.
UPDATE linking SET used_at = $3 WHERE project_id = $1 AND linking_id = $2 AND used_at IS NULL;

-- end_linking --
-- What a linking led to; the verifier is needed no longer. What was written first stays.
UPDATE linking SET outcome = $3, sealed_verifier = ''
WHERE project_id = $1 AND linking_id = $2 AND outcome = '';

-- save_linking_steps --
-- What happened in a linking so far.
UPDATE linking SET steps = $3 WHERE project_id = $1 AND linking_id = $2;

-- interrupt_linkings --
-- A process died with the code in its hands, for nobody holds one so long: nobody knows what became of the code.
UPDATE linking SET outcome = $1, sealed_verifier = ''
WHERE used_at <= $2 AND outcome = '';
