-- The first schema.
--
-- Every key starts with the project, and where there is one with the agent user, so that rows which belong together lie
-- together here, and could be spread by that key in another database. Times are seconds since 1970 in UTC.

CREATE TABLE project (
  project_id TEXT NOT NULL PRIMARY KEY,
  fulfillment_url TEXT NOT NULL,
  number TEXT NOT NULL,
  api_enabled INTEGER NOT NULL,
  suspended INTEGER NOT NULL,
  empty_sync TEXT NOT NULL,
  client_id TEXT NOT NULL,
  sealed_secret BLOB NOT NULL,
  token_url TEXT NOT NULL,
  authorization_url TEXT NOT NULL,
  scopes TEXT NOT NULL,  -- JSON, an array of strings
  client_auth TEXT NOT NULL,
  pkce INTEGER NOT NULL,
  redirect_uri TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
  project_id TEXT NOT NULL REFERENCES project,
  key_id TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,  -- the key itself is not kept
  hint TEXT NOT NULL,
  created_at REAL NOT NULL,
  origin TEXT NOT NULL,
  expires_at REAL,
  revoked_at REAL,
  methods TEXT NOT NULL,  -- JSON, an array of strings
  addresses TEXT NOT NULL,  -- JSON, an array of strings
  PRIMARY KEY (project_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
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
  PRIMARY KEY (project_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX link_by_agent_user ON link (project_id, agent_user_id, state);

-- An agent user that was unlinked stays as a tombstone: a refused call can then be told why, and the fences of its work go
-- on where they ended, so that a worker of the time before cannot take itself for one of today.
CREATE TABLE agent_user (
  project_id TEXT NOT NULL REFERENCES project,
  agent_user_id TEXT NOT NULL,
  linked INTEGER NOT NULL,
  unlinked_at REAL,
  device_count INTEGER NOT NULL DEFAULT 0,
  fence_last INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id, agent_user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_user_elsewhere ON agent_user (agent_user_id) WHERE linked = 1;

-- graph.syncing.Work, for an agent user that is linked (user_id empty) or a link in its first SYNC (agent_user_id empty).
-- ready_at is graph.syncing.ready_at of it: when somebody may take it, null while it is idle.
CREATE TABLE sync_work (
  project_id TEXT NOT NULL REFERENCES project,
  agent_user_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  requested INTEGER NOT NULL,
  done INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due_at REAL NOT NULL,
  lease_until REAL NOT NULL,
  worker TEXT NOT NULL,
  sync_generation INTEGER NOT NULL,
  sync_until REAL NOT NULL,
  async_generation INTEGER NOT NULL,
  cause TEXT NOT NULL,
  requested_at REAL NOT NULL,
  run_cause TEXT NOT NULL,
  run_mode TEXT NOT NULL,
  run_requested_at REAL NOT NULL,
  run_started_at REAL NOT NULL,
  ready_at REAL,
  PRIMARY KEY (project_id, agent_user_id, user_id)
) STRICT, WITHOUT ROWID;

-- Work that is idle, nearly all of it at any time, is not in here. In the order of claims, so that a claim reads no more
-- than it takes; taken rides along so that the index alone can count.
CREATE INDEX sync_work_ready ON sync_work (project_id, ready_at, agent_user_id, user_id, taken)
WHERE ready_at IS NOT NULL;

-- The definition comes last: it is long, and the fingerprints of a list are read without it.
CREATE TABLE device (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  added_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  nicknames TEXT NOT NULL,  -- JSON, an array of strings
  chosen TEXT NOT NULL,  -- JSON, an array of strings
  definition BLOB NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT, WITHOUT ROWID;

-- Runs and exchanges are journals: written at the end, read by id, and dropped from the beginning. seq counts them without
-- a gap, so that their number is known without counting.
CREATE TABLE run (
  seq INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  cause TEXT NOT NULL,
  mode TEXT NOT NULL,
  outcome TEXT NOT NULL,
  requested_at REAL NOT NULL,
  started_at REAL NOT NULL,
  finished_at REAL NOT NULL,
  merged INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  next_at REAL,
  changes TEXT NOT NULL,  -- JSON, graph.model.Changes
  results TEXT NOT NULL,  -- JSON, an array of graph.model.LinkResult
  findings TEXT NOT NULL  -- JSON, an array of graph.model.Finding
) STRICT;

CREATE INDEX run_by_project ON run (project_id, run_id);
CREATE INDEX run_by_agent_user ON run (project_id, agent_user_id, run_id);

CREATE TABLE exchange (
  seq INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  intent TEXT NOT NULL,
  user_id TEXT NOT NULL,
  url TEXT NOT NULL,
  started_at REAL NOT NULL,
  took REAL NOT NULL,
  request_headers TEXT NOT NULL,  -- JSON, an object of strings
  request_body BLOB NOT NULL,
  status INTEGER NOT NULL,
  response_headers TEXT NOT NULL,  -- JSON, an object of strings
  response_body BLOB NOT NULL,
  response_size INTEGER NOT NULL,
  error TEXT NOT NULL
) STRICT;

CREATE INDEX exchange_by_run ON exchange (project_id, run_id);

-- One row that Store.check writes to.
CREATE TABLE probe (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  writes INTEGER NOT NULL
) STRICT;

INSERT INTO probe (only, writes) VALUES (1, 0);
