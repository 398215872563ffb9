-- Processes that use the database, each of which says every few seconds that it is alive. Nothing is lost with them: unlogged.

CREATE UNLOGGED TABLE instance (
  instance_id text COLLATE "C" NOT NULL PRIMARY KEY,
  address text NOT NULL,
  machine text NOT NULL,
  process bigint NOT NULL,
  version text NOT NULL,
  started_at double precision NOT NULL,
  seen_at double precision NOT NULL,
  running bigint NOT NULL
);
