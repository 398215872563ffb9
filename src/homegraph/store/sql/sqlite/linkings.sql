-- find_linking --
-- One linking.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome
FROM linking
WHERE project_id = ? AND linking_id = ?;

-- insert_linking --
-- Keep a linking that begins.
INSERT INTO linking (
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- count_linkings --
-- How many linkings of a project are kept.
SELECT count(*) FROM linking WHERE project_id = ?;

-- delete_linkings --
-- Drop the linkings of a project whose state ended before a time.
DELETE FROM linking WHERE project_id = ? AND expires_at <= ?;

-- use_linking --
-- The browser came back, for the first time.
UPDATE linking SET used_at = ?3 WHERE project_id = ?1 AND linking_id = ?2 AND used_at IS NULL;

-- end_linking --
-- What a linking led to; the verifier is needed no longer. What was written first stays.
UPDATE linking SET outcome = ?3, sealed_verifier = x''
WHERE project_id = ?1 AND linking_id = ?2 AND outcome = '';

-- interrupt_linkings --
-- The process died with the code in its hands: nobody knows what became of the code.
UPDATE linking INDEXED BY linking_under_way SET outcome = ?, sealed_verifier = x''
WHERE used_at IS NOT NULL AND outcome = '';
