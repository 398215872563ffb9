-- Links lie in the order of their agent users, which is how every run looks for them: it finds them where it looks, in place of an
-- entry that says where.
CREATE TABLE link_of_home (
  project_id TEXT NOT NULL REFERENCES project,
  user_id TEXT NOT NULL,
  state TEXT NOT NULL,
  sealed_access BLOB NOT NULL,
  sealed_refresh BLOB NOT NULL,
  expires_at REAL,
  created_at REAL NOT NULL,
  agent_user_id TEXT NOT NULL,  -- empty until the first SYNC has told it
  grant_digest BLOB NOT NULL,
  origin TEXT NOT NULL,
  problem TEXT NOT NULL,
  changed_at REAL NOT NULL,
  fence_last INTEGER NOT NULL DEFAULT 0,  -- of its first SYNC's work when that was deleted
  issued_at REAL,  -- when the access token came; NULL when nobody has noted it
  refresh_until REAL NOT NULL DEFAULT 0,  -- somebody refreshes until then at most
  refresh_failures INTEGER NOT NULL DEFAULT 0,  -- in a row
  refresh_due_at REAL NOT NULL DEFAULT 0,  -- the token endpoint is not asked before
  refresh_error TEXT NOT NULL DEFAULT '',  -- what it ran into last
  PRIMARY KEY (project_id, agent_user_id, user_id),
  UNIQUE (project_id, user_id)
) STRICT, WITHOUT ROWID;

INSERT INTO link_of_home
SELECT
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at, created_at, agent_user_id, grant_digest, origin, problem,
  changed_at, fence_last, issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error
FROM link INDEXED BY link_by_agent_user
ORDER BY project_id, agent_user_id;

-- It refers to a link by its user, which is not the first key any more.
CREATE TABLE unlinking_of_user (
  project_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  asked_at REAL NOT NULL,
  PRIMARY KEY (project_id, user_id),
  FOREIGN KEY (project_id, user_id) REFERENCES link_of_home (project_id, user_id)
) STRICT, WITHOUT ROWID;

INSERT INTO unlinking_of_user SELECT project_id, user_id, asked_at FROM unlinking;

DROP TABLE unlinking;
ALTER TABLE unlinking_of_user RENAME TO unlinking;
DROP TABLE link;
ALTER TABLE link_of_home RENAME TO link;

-- Those that a process has in its hands: a few, and none after a start.
CREATE INDEX link_refreshing ON link (refresh_until) WHERE refresh_until > 0;

-- Links without an agent user, in the order in which an export lists them: those before their first SYNC, and those that have ended.
CREATE INDEX link_homeless ON link (project_id, user_id) WHERE agent_user_id = '';

-- Links whose first SYNC has not succeeded.
CREATE INDEX link_first_sync ON link (project_id, user_id) WHERE agent_user_id = '' AND state IN ('linking', 'broken');

-- Links are counted by their state. Nearly all are linked, and to know how many these are takes the number of all.
CREATE INDEX link_not_linked ON link (state) WHERE state <> 'linked';
