-- list_runs --
-- Runs of all projects, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE run_id < ?
ORDER BY run_id DESC
LIMIT ?;

-- list_runs_of_project --
-- Runs of a project, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE project_id = ? AND run_id < ?
ORDER BY run_id DESC
LIMIT ?;

-- list_runs_of_agent_user --
-- Runs of an agent user, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE project_id = ? AND agent_user_id = ? AND run_id < ?
ORDER BY run_id DESC
LIMIT ?;

-- find_run --
-- One run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE run_id = ?;

-- insert_run --
-- Record a run.
INSERT INTO run (
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- list_exchanges --
-- Exchanges of a run or an errand, in order.
SELECT
  intent, user_id, url, started_at, took, request_headers, request_body, status, response_headers, response_body,
  response_size, error, response_packed
FROM exchange
WHERE project_id = ? AND owner_id = ?
ORDER BY seq;

-- insert_exchange --
-- Record an exchange of a run or an errand.
INSERT INTO exchange (
  project_id, owner_id, intent, user_id, url, started_at, took, request_headers, request_body, status, response_headers,
  response_body, response_size, error, response_packed
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- measure_runs --
-- First and last number of the journal of runs; null when it is empty.
SELECT (SELECT min(seq) FROM run), (SELECT max(seq) FROM run);

-- measure_exchanges --
-- First and last number of the journal of exchanges; null when it is empty.
SELECT (SELECT min(seq) FROM exchange), (SELECT max(seq) FROM exchange);

-- find_run_young --
-- Number of the first of the oldest runs that is not older than a time; null when all of those looked at are.
SELECT min(seq) FROM (SELECT seq, finished_at FROM run ORDER BY seq LIMIT ?2) WHERE finished_at >= ?1;

-- find_exchange_young --
-- Number of the first of the oldest exchanges that is not older than a time and whose run or errand is kept; null when all of those
-- looked at may go.
SELECT min(oldest.seq)
FROM (SELECT seq, started_at, owner_id FROM exchange ORDER BY seq LIMIT ?2) AS oldest
WHERE oldest.started_at >= ?1 AND (
  EXISTS (SELECT 1 FROM run WHERE run.run_id = oldest.owner_id)
  OR EXISTS (SELECT 1 FROM errand WHERE errand.errand_id = oldest.owner_id)
);

-- delete_runs --
-- Drop the runs before a number.
DELETE FROM run WHERE seq < ?;

-- delete_exchanges --
-- Drop the exchanges before a number.
DELETE FROM exchange WHERE seq < ?;
