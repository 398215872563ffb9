-- find_linking --
-- One linking.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome
FROM linking
WHERE project_id = $1 AND linking_id = $2;

-- insert_linking --
-- Keep a linking that begins.
INSERT INTO linking (
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- count_linkings --
-- How many linkings of a project are kept.
SELECT count(*) FROM linking WHERE project_id = $1;

-- delete_linkings --
-- Drop the linkings of a project whose state ended before a time.
DELETE FROM linking WHERE project_id = $1 AND expires_at <= $2;

-- use_linking --
-- The browser came back, for the first time.
UPDATE linking SET used_at = $3 WHERE project_id = $1 AND linking_id = $2 AND used_at IS NULL;

-- end_linking --
-- What a linking led to; the verifier is needed no longer. What was written first stays.
UPDATE linking SET outcome = $3, sealed_verifier = ''
WHERE project_id = $1 AND linking_id = $2 AND outcome = '';

-- interrupt_linkings --
-- A process died with the code in its hands, for nobody holds one so long: nobody knows what became of the code.
UPDATE linking SET outcome = $1, sealed_verifier = ''
WHERE used_at <= $2 AND outcome = '';
