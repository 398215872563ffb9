-- find_work --
-- The work of a target.
SELECT
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE project_id = ? AND agent_user_id = ? AND user_id = ?;

-- insert_work --
-- Keep the work of a new target.
INSERT INTO sync_work (
  project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply, ready_at
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- save_work --
-- Write the whole work of a target.
UPDATE sync_work SET
  requested = ?4, done = ?5, taken = ?6, fence = ?7, attempts = ?8, due_at = ?9, lease_until = ?10, worker = ?11,
  sync_generation = ?12, sync_until = ?13, async_generation = ?14, cause = ?15, requested_at = ?16, run_cause = ?17,
  run_mode = ?18, run_requested_at = ?19, run_started_at = ?20, reply = ?21, ready_at = ?22
WHERE project_id = ?1 AND agent_user_id = ?2 AND user_id = ?3;

-- settle_work --
-- Write the whole work of a target whose run is over, if it is still the worker's (no work that waits has one), and nobody has asked again.
UPDATE sync_work SET
  done = ?5, taken = ?6, attempts = ?8, due_at = ?9, lease_until = ?10, worker = ?11, sync_generation = ?12, sync_until = ?13,
  async_generation = ?14, cause = ?15, requested_at = ?16, run_cause = ?17, run_mode = ?18, run_requested_at = ?19,
  run_started_at = ?20, reply = ?21, ready_at = ?22
WHERE
  project_id = ?1 AND agent_user_id = ?2 AND user_id = ?3
  AND requested = ?4 AND fence = ?23 AND worker = ?24;

-- delete_work --
-- Forget the work of a target.
DELETE FROM sync_work WHERE project_id = ? AND agent_user_id = ? AND user_id = ?;

-- list_ready --
-- Work of a project that somebody may take, the longest ready first.
SELECT
  agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE project_id = ?1 AND ready_at <= ?2
ORDER BY ready_at, agent_user_id, user_id
LIMIT ?3;

-- list_projects_ready --
-- Projects with work that somebody may take. Jumps from project to project in the index: however much work a project
-- has, it is looked at once.
WITH RECURSIVE busy (project_id) AS (
  SELECT min(project_id) FROM sync_work WHERE ready_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(w.project_id) FROM sync_work AS w WHERE w.ready_at IS NOT NULL AND w.project_id > busy.project_id)
  FROM busy
  WHERE busy.project_id IS NOT NULL
)
SELECT busy.project_id FROM busy
WHERE EXISTS (SELECT 1 FROM sync_work AS w WHERE w.project_id = busy.project_id AND w.ready_at <= ?1)
ORDER BY busy.project_id;

-- find_next_ready --
-- When the next work will be ready that is not yet. Jumps like list_projects_ready.
WITH RECURSIVE busy (project_id) AS (
  SELECT min(project_id) FROM sync_work WHERE ready_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(w.project_id) FROM sync_work AS w WHERE w.ready_at IS NOT NULL AND w.project_id > busy.project_id)
  FROM busy
  WHERE busy.project_id IS NOT NULL
)
SELECT min((SELECT min(w.ready_at) FROM sync_work AS w WHERE w.project_id = busy.project_id AND w.ready_at > ?1))
FROM busy
WHERE busy.project_id IS NOT NULL;

-- list_projects_busy --
-- Projects with work that is not idle. Jumps like list_projects_ready.
WITH RECURSIVE busy (project_id) AS (
  SELECT min(project_id) FROM sync_work WHERE ready_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(w.project_id) FROM sync_work AS w WHERE w.ready_at IS NOT NULL AND w.project_id > busy.project_id)
  FROM busy
  WHERE busy.project_id IS NOT NULL
)
SELECT busy.project_id FROM busy WHERE busy.project_id IS NOT NULL;

-- list_busy --
-- Work of a project that is not idle, with when it is ready, soonest first.
SELECT
  ready_at, project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE project_id = ?1 AND ready_at IS NOT NULL
ORDER BY ready_at, agent_user_id, user_id
LIMIT ?2;

-- list_left_behind --
-- Work with a lease or a waiting caller: what a process that died leaves behind.
SELECT
  project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE ready_at IS NOT NULL AND (taken <> 0 OR sync_generation <> 0);

-- list_from_later --
-- Work that waits since a time that has not come yet: a clock that was set back leaves it behind.
SELECT
  project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE ready_at > ?1 AND taken = 0 AND max(requested_at, run_started_at) > ?1;

-- prolong_lease --
-- Prolong a lease that is still held.
UPDATE sync_work SET lease_until = ?6, ready_at = ?6
WHERE project_id = ?1 AND agent_user_id = ?2 AND user_id = ?3 AND fence = ?4 AND worker = ?5 AND taken <> 0;

-- count_work --
-- How much work waits, and how much is under way.
SELECT coalesce(sum(taken = 0), 0), coalesce(sum(taken <> 0), 0) FROM sync_work WHERE ready_at IS NOT NULL;
