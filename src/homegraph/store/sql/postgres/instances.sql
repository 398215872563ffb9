-- save_instance --
-- An instance is alive: what it says of itself.
INSERT INTO instance (instance_id, address, machine, process, version, started_at, seen_at, running)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (instance_id) DO UPDATE SET
  address = excluded.address, machine = excluded.machine, process = excluded.process, version = excluded.version,
  started_at = excluded.started_at, seen_at = excluded.seen_at, running = excluded.running;

-- list_instances --
-- Instances that were seen at a time or later.
SELECT instance_id, address, machine, process, version, started_at, seen_at, running
FROM instance
WHERE seen_at >= $1
ORDER BY instance_id
LIMIT $2;

-- delete_instance --
-- An instance has ended.
DELETE FROM instance WHERE instance_id = $1;

-- delete_instances --
-- Instances that were not seen for long, but for those that somebody else deletes at this moment.
DELETE FROM instance WHERE instance_id IN (
  SELECT instance_id FROM instance WHERE seen_at < $1 FOR UPDATE SKIP LOCKED
);
