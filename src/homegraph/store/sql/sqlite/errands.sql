-- insert_errand --
-- Record an errand that is about to be sent.
INSERT INTO errand (
  errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- finish_errand --
-- Note what came of an errand.
UPDATE errand SET finished_at = ?2, devices = ?3, findings = ?4 WHERE errand_id = ?1;

-- find_errand --
-- One errand.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE errand_id = ?;

-- list_errands --
-- Errands of all projects, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE errand_id < ?
ORDER BY errand_id DESC
LIMIT ?;

-- list_errands_of_project --
-- Errands of a project, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE project_id = ? AND errand_id < ?
ORDER BY errand_id DESC
LIMIT ?;

-- list_errands_of_agent_user --
-- Errands of an agent user, newest first, older than one of them.
SELECT errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at, devices, findings
FROM errand
WHERE project_id = ? AND agent_user_id = ? AND errand_id < ?
ORDER BY errand_id DESC
LIMIT ?;

-- insert_follow_up --
-- Remember a token that goes out with a command.
INSERT INTO follow_up (project_id, agent_user_id, token, errand_id, device_id, sent_at) VALUES (?, ?, ?, ?, ?, ?);

-- answer_follow_up --
-- Note the notification that brought a token back, unless there was one before, or it is about another device.
UPDATE follow_up SET answered_at = ?5, trait = ?6, body = ?7
WHERE project_id = ?1 AND agent_user_id = ?2 AND token = ?3 AND device_id = ?4 AND answered_at IS NULL;

-- list_follow_ups --
-- The follow-ups of an errand, by device.
SELECT token, device_id, sent_at, answered_at, trait, body
FROM follow_up
WHERE errand_id = ?
ORDER BY device_id;

-- measure_errands --
-- First and last number of the journal of errands; null when it is empty.
SELECT (SELECT min(seq) FROM errand), (SELECT max(seq) FROM errand);

-- find_errand_young --
-- Number of the first of the oldest errands that is not older than a time; null when all of those looked at are.
SELECT min(seq) FROM (SELECT seq, started_at FROM errand ORDER BY seq LIMIT ?2) WHERE started_at >= ?1;

-- delete_errands --
-- Drop the errands before a number, and their follow-ups with them.
DELETE FROM errand WHERE seq < ?;
