-- find_backend --
-- The process that serves this connection. A pooler in between tells its clients other numbers.
SELECT pg_backend_pid();

-- find_durability --
-- Whether a commit is on the disk when it returns: anything but "off".
SHOW synchronous_commit;

-- find_encoding --
-- How the database keeps texts.
SHOW server_encoding;

-- find_time --
-- What time it is where the database is.
SELECT extract(epoch FROM clock_timestamp())::float8;

-- tell --
-- Tell all who listen that something changed. A hint: who does not hear it finds out by looking.
SELECT pg_notify('homegraph', $1);

-- probe --
-- Write something, to see whether it can be done.
UPDATE probe SET writes = writes + 1;

-- find_size --
-- How much room the database takes, in bytes.
SELECT pg_database_size(current_database());

-- has_instances --
-- Whether there is a table of instances: it is younger than the first schema.
SELECT to_regclass('instance') IS NOT NULL;
