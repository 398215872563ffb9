-- count_tables --
-- How many tables there are in the schema, and whether the table of migrations is one of them. Others have tables of that name, without
-- a digest.
SELECT count(*), count(*) FILTER (
  WHERE t.tablename = 'migration' AND EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = format('%I.%I', t.schemaname, t.tablename)::regclass AND a.attname = 'digest'
  )
)
FROM pg_tables AS t
WHERE t.schemaname = current_schema();

-- create_migration_table --
-- The table that remembers what was applied. It is the one table that no migration makes.
CREATE TABLE IF NOT EXISTS migration (
  number bigint NOT NULL,
  phase text NOT NULL CHECK (phase IN ('pre', 'post')),
  name text NOT NULL,
  digest text NOT NULL,
  applied_at double precision NOT NULL,
  PRIMARY KEY (number, phase)
);

-- list_migrations --
-- What was applied: number, phase, name and digest.
SELECT number, phase, name, digest FROM migration;

-- record_migration --
-- Remember that a migration was applied.
INSERT INTO migration (number, phase, name, digest, applied_at) VALUES ($1, $2, $3, $4, $5);

-- lock_schema --
-- Servers that start together set the schema up one after the other. The number is any: "home" in ASCII.
SELECT pg_advisory_xact_lock(1752132965);

-- bound_waiting --
-- Nothing in this transaction waits longer for a lock than so many milliseconds.
SELECT set_config('lock_timeout', $1, true);
