-- list_runs --
-- Runs of all projects, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE run_id < $1
ORDER BY run_id DESC
LIMIT $2;

-- list_runs_of_project --
-- Runs of a project, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE project_id = $1 AND run_id < $2
ORDER BY run_id DESC
LIMIT $3;

-- list_runs_of_agent_user --
-- Runs of an agent user, newest first, older than a run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE project_id = $1 AND agent_user_id = $2 AND run_id < $3
ORDER BY run_id DESC
LIMIT $4;

-- find_run --
-- One run.
SELECT
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
FROM run
WHERE run_id = $1;

-- insert_run --
-- Record runs.
INSERT INTO run (
  run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
  merged, attempt, reason, message, next_at, changes, results, findings, taken
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $9::float8[], $10::float8[],
  $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::float8[], $16::text[], $17::text[], $18::text[],
  $19::bigint[]
);

-- list_exchanges --
-- Exchanges of a run or an errand, in order.
SELECT
  intent, user_id, url, started_at, took, request_headers, request_body, status, response_headers, response_body,
  response_size, error, response_packed
FROM exchange
WHERE project_id = $1 AND owner_id = $2
ORDER BY seq;

-- insert_exchange --
-- Record exchanges of runs and errands, in order.
INSERT INTO exchange (
  project_id, owner_id, intent, user_id, url, started_at, took, request_headers, request_body, status, response_headers,
  response_body, response_size, error, response_packed
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::text[], $9::bytea[], $10::bigint[],
  $11::text[], $12::bytea[], $13::bigint[], $14::text[], $15::bytea[]
);

-- measure_runs --
-- First and last number of the journal of runs; null when it is empty.
SELECT (SELECT min(seq) FROM run), (SELECT max(seq) FROM run);

-- measure_exchanges --
-- First and last number of the journal of exchanges; null when it is empty.
SELECT (SELECT min(seq) FROM exchange), (SELECT max(seq) FROM exchange);

-- find_run_young --
-- Number of the first of the oldest runs that is not older than a time; null when all of those looked at are.
SELECT min(seq) FROM (SELECT seq, finished_at FROM run ORDER BY seq LIMIT $2) AS oldest WHERE finished_at >= $1;

-- find_exchange_young --
-- Number of the first of the oldest exchanges that is not older than a time and whose run or errand is kept; null when all of those
-- looked at may go.
SELECT min(oldest.seq)
FROM (SELECT seq, started_at, project_id, owner_id FROM exchange ORDER BY seq LIMIT $2) AS oldest
WHERE oldest.started_at >= $1 AND (
  coalesce(
    (SELECT true FROM run WHERE run.project_id = oldest.project_id AND run.run_id = oldest.owner_id),
    (SELECT true FROM errand WHERE errand.project_id = oldest.project_id AND errand.errand_id = oldest.owner_id)
  )
);

-- delete_runs --
-- Drop the runs before a number.
DELETE FROM run WHERE seq < $1;

-- delete_exchanges --
-- Drop the exchanges before a number.
DELETE FROM exchange WHERE seq < $1;
