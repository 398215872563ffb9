-- count_tables --
-- How many tables there are, and whether the table of migrations is one of them. Others have tables of that name, without a digest.
SELECT count(*), coalesce(sum(name = 'migration' AND sql LIKE '%digest%'), 0) FROM sqlite_schema WHERE type = 'table';

-- create_migration_table --
-- The table that remembers what was applied. It is the one table that no migration makes.
CREATE TABLE IF NOT EXISTS migration (
  number INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('pre', 'post')),
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  applied_at REAL NOT NULL,
  PRIMARY KEY (number, phase)
) STRICT, WITHOUT ROWID;

-- list_migrations --
-- What was applied: number, phase, name and digest.
SELECT number, phase, name, digest FROM migration;

-- record_migration --
-- Remember that a migration was applied.
INSERT INTO migration (number, phase, name, digest, applied_at) VALUES (?, ?, ?, ?, ?);
