-- find_linking --
-- One linking.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
FROM linking
WHERE project_id = ? AND linking_id = ?;

-- list_linkings --
-- Linkings of one user, newest first.
SELECT
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
FROM linking
WHERE project_id = ? AND user_id = ?
ORDER BY created_at DESC
LIMIT ?;

-- insert_linking --
-- Keep a linking that begins.
INSERT INTO linking (
  linking_id, project_id, user_id, redirect_uri, created_at, expires_at, sealed_verifier, used_at, outcome, steps
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- count_linkings --
-- How many linkings of a project are kept.
SELECT count(*) FROM linking WHERE project_id = ?;

-- delete_linkings --
-- Drop the linkings of a project whose state ended before a time.
DELETE FROM linking WHERE project_id = ? AND expires_at <= ?;

-- delete_oldest_linking --
-- Drop the linking of a project whose state ended first, if one has ended before a time.
DELETE FROM linking
WHERE (project_id, linking_id) = (
  SELECT project_id, linking_id FROM linking WHERE project_id = ? AND expires_at <= ? ORDER BY expires_at LIMIT 1
);

-- save_linking --
-- Write what changes in a linking.
UPDATE linking SET used_at = ?3, sealed_verifier = ?4, outcome = ?5, steps = ?6 WHERE project_id = ?1 AND linking_id = ?2;

-- interrupt_linkings --
-- The process died with the code in its hands: nobody knows what became of the code.
UPDATE linking INDEXED BY linking_under_way SET outcome = ?, sealed_verifier = x''
WHERE used_at IS NOT NULL AND outcome = '';
