-- find_work --
-- The work of targets, each locked until the transaction ends, in key order: whoever locks several, in this order, waits in no
-- circle. Each with its target's place in the arrays before it.
SELECT
  k.place,
  w.requested, w.done, w.taken, w.fence, w.attempts, w.due_at, w.lease_until, w.worker, w.sync_generation, w.sync_until,
  w.async_generation, w.cause, w.requested_at, w.run_cause, w.run_mode, w.run_requested_at, w.run_started_at, w.reply
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, user_id, place)
JOIN sync_work AS w USING (project_id, agent_user_id, user_id)
ORDER BY w.project_id, w.agent_user_id, w.user_id
FOR UPDATE OF w;

-- look_at_work --
-- The work of targets as it is, with nothing locked, and the version of its row: who writes by this must find the same (join_work).
-- Each with its target's place in the arrays before it.
SELECT
  k.place, w.xmin,
  w.requested, w.done, w.taken, w.fence, w.attempts, w.due_at, w.lease_until, w.worker, w.sync_generation, w.sync_until,
  w.async_generation, w.cause, w.requested_at, w.run_cause, w.run_mode, w.run_requested_at, w.run_started_at, w.reply
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (project_id, agent_user_id, user_id, place)
JOIN sync_work AS w USING (project_id, agent_user_id, user_id);

-- join_work --
-- Write what async requests change of the work of targets, where it is the version that was read, locking in key order; the
-- places in the arrays of what was written.
WITH same AS (
  SELECT
    w.project_id, w.agent_user_id, w.user_id,
    k.requested, k.attempts, k.due_at, k.async_generation, k.cause, k.requested_at, k.ready_at, k.place
  FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::xid[], $5::bigint[], $6::bigint[], $7::float8[], $8::bigint[], $9::text[],
    $10::float8[], $11::float8[]
  ) WITH ORDINALITY AS k (
    project_id, agent_user_id, user_id, version, requested, attempts, due_at, async_generation, cause, requested_at,
    ready_at, place
  )
  JOIN sync_work AS w USING (project_id, agent_user_id, user_id)
  WHERE w.xmin = k.version
  ORDER BY w.project_id, w.agent_user_id, w.user_id
  FOR UPDATE OF w
)
UPDATE sync_work AS w SET
  requested = same.requested, attempts = same.attempts, due_at = same.due_at, async_generation = same.async_generation,
  cause = same.cause, requested_at = same.requested_at, ready_at = same.ready_at
FROM same
WHERE w.project_id = same.project_id AND w.agent_user_id = same.agent_user_id AND w.user_id = same.user_id
RETURNING same.place;

-- insert_work --
-- Keep the work of new targets, in the order of their keys; nothing of one that has some, which is then somebody else's.
INSERT INTO sync_work (
  project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply, ready_at
)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::float8[],
  $10::float8[], $11::text[], $12::bigint[], $13::float8[], $14::bigint[], $15::text[], $16::float8[], $17::text[], $18::text[],
  $19::float8[], $20::float8[], $21::bytea[], $22::float8[]
)
ON CONFLICT (project_id, agent_user_id, user_id) DO NOTHING;

-- save_work --
-- Write the whole work of targets, which are locked.
UPDATE sync_work AS w SET
  requested = k.requested, done = k.done, taken = k.taken, fence = k.fence, attempts = k.attempts, due_at = k.due_at,
  lease_until = k.lease_until, worker = k.worker, sync_generation = k.sync_generation, sync_until = k.sync_until,
  async_generation = k.async_generation, cause = k.cause, requested_at = k.requested_at, run_cause = k.run_cause,
  run_mode = k.run_mode, run_requested_at = k.run_requested_at, run_started_at = k.run_started_at, reply = k.reply, ready_at = k.ready_at
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::float8[],
  $10::float8[], $11::text[], $12::bigint[], $13::float8[], $14::bigint[], $15::text[], $16::float8[], $17::text[], $18::text[],
  $19::float8[], $20::float8[], $21::bytea[], $22::float8[]
) AS k (
  project_id, agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply, ready_at
)
WHERE w.project_id = k.project_id AND w.agent_user_id = k.agent_user_id AND w.user_id = k.user_id;

-- delete_work --
-- Forget the work of targets.
DELETE FROM sync_work AS w
USING unnest($1::text[], $2::text[], $3::text[]) AS k (project_id, agent_user_id, user_id)
WHERE w.project_id = k.project_id AND w.agent_user_id = k.agent_user_id AND w.user_id = k.user_id;

-- list_ready --
-- Work of a project that somebody may take, the longest ready first. What somebody else has in hands is left to him.
SELECT
  agent_user_id, user_id,
  requested, done, taken, fence, attempts, due_at, lease_until, worker, sync_generation, sync_until, async_generation,
  cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply
FROM sync_work
WHERE project_id = $1 AND ready_at <= $2
ORDER BY ready_at, agent_user_id, user_id
LIMIT $3
FOR UPDATE SKIP LOCKED;

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
WHERE EXISTS (SELECT 1 FROM sync_work AS w WHERE w.project_id = busy.project_id AND w.ready_at <= $1)
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
SELECT min((SELECT min(w.ready_at) FROM sync_work AS w WHERE w.project_id = busy.project_id AND w.ready_at > $1))
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
WHERE project_id = $1 AND ready_at IS NOT NULL
ORDER BY ready_at, agent_user_id, user_id
LIMIT $2;

-- prolong_lease --
-- Prolong leases that are still held, in key order; the places of those in the arrays.
WITH held AS (
  SELECT k.place, w.project_id, w.agent_user_id, w.user_id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
    WITH ORDINALITY AS k (project_id, agent_user_id, user_id, fence, worker, place)
  JOIN sync_work AS w USING (project_id, agent_user_id, user_id, fence, worker)
  WHERE w.taken <> 0
  ORDER BY w.project_id, w.agent_user_id, w.user_id
  FOR UPDATE OF w
)
UPDATE sync_work AS w SET lease_until = $6, ready_at = $6
FROM held
WHERE w.project_id = held.project_id AND w.agent_user_id = held.agent_user_id AND w.user_id = held.user_id
RETURNING held.place;

-- count_work --
-- How much work waits, and how much is under way.
SELECT count(*) FILTER (WHERE taken = 0), count(*) FILTER (WHERE taken <> 0) FROM sync_work WHERE ready_at IS NOT NULL;
