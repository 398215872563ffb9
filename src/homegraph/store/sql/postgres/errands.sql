-- insert_errand --
-- Record an errand that is about to be sent.
INSERT INTO errand (
  errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- finish_errand --
-- Note what came of an errand.
UPDATE errand SET finished_at = $3, devices = $4, findings = $5 WHERE project_id = $1 AND errand_id = $2;

-- find_errand --
-- One errand.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE errand_id = $1;

-- list_errands --
-- Errands of all projects, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE errand_id < $1
ORDER BY errand_id DESC
LIMIT $2;

-- list_errands_of_project --
-- Errands of a project, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE project_id = $1 AND errand_id < $2
ORDER BY errand_id DESC
LIMIT $3;

-- list_errands_of_agent_user --
-- Errands of an agent user, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE project_id = $1 AND agent_user_id = $2 AND errand_id < $3
ORDER BY errand_id DESC
LIMIT $4;

-- insert_follow_up --
-- Remember tokens that go out with commands.
INSERT INTO follow_up (project_id, agent_user_id, token, errand_id, device_id, sent_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[]);

-- answer_follow_up --
-- Note the notification that brought a token back, unless there was one before, or it is about another device.
UPDATE follow_up SET answered_at = $5, trait = $6, body = $7
WHERE project_id = $1 AND agent_user_id = $2 AND token = $3 AND device_id = $4 AND answered_at IS NULL;

-- list_follow_ups --
-- The follow-ups of an errand, by device.
SELECT token, device_id, sent_at, answered_at, trait, body
FROM follow_up
WHERE project_id = $1 AND errand_id = $2
ORDER BY device_id;

-- measure_errands --
-- First and last number of the journal of errands; null when it is empty.
SELECT (SELECT min(seq) FROM errand), (SELECT max(seq) FROM errand);

-- find_errand_young --
-- Number of the first of the oldest errands that is not older than a time; null when all of those looked at are.
SELECT min(seq) FROM (SELECT seq, started_at FROM errand ORDER BY seq LIMIT $2) AS oldest WHERE started_at >= $1;

-- delete_errands --
-- Drop the errands before a number, and their follow-ups with them.
DELETE FROM errand WHERE seq < $1;
