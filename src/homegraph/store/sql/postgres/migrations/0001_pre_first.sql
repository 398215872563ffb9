-- The first schema on PostgreSQL: what SQLite's migrations up to 0018 had made, but for 0017. That and every later number is in both
-- dialects.
--
-- Every key starts with the project, and where there is one with the agent user, so that rows which belong together can be
-- spread by that key. Times are seconds since 1970 in UTC. Texts compare by code point; a NUL in one is written as \x01\x01
-- (store/postgres/texts.py). JSON is kept as the bytes that came, so it is text or bytea.

CREATE TABLE project (
  project_id text COLLATE "C" NOT NULL PRIMARY KEY,
  fulfillment_url text NOT NULL,
  number text NOT NULL,
  api_enabled boolean NOT NULL,
  suspended boolean NOT NULL,
  policy text NOT NULL,  -- JSON, an object
  client_id text NOT NULL,
  sealed_secret bytea NOT NULL,
  token_url text NOT NULL,
  authorization_url text NOT NULL,
  scopes text NOT NULL,  -- JSON, an array of strings
  client_auth text NOT NULL,
  pkce boolean NOT NULL,
  redirect_uri text NOT NULL
);

CREATE TABLE api_key (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  key_id text COLLATE "C" NOT NULL,
  digest bytea NOT NULL UNIQUE,  -- the key itself is not kept
  hint text NOT NULL,
  created_at double precision NOT NULL,
  origin text NOT NULL,
  expires_at double precision,
  revoked_at double precision,
  methods text NOT NULL,  -- JSON, an array of strings
  addresses text NOT NULL,  -- JSON, an array of strings
  PRIMARY KEY (project_id, key_id)
);

CREATE TABLE service_key (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  key_id text COLLATE "C" NOT NULL,
  email text COLLATE "C" NOT NULL,
  public_pem bytea NOT NULL,
  created_at double precision NOT NULL,
  origin text NOT NULL,
  revoked_at double precision,
  PRIMARY KEY (project_id, key_id)
);

-- Whoever asks for a token names the account only.
CREATE INDEX service_key_by_email ON service_key (email, project_id, key_id);

-- The one table whose key does not start with the project: whoever shows a token does not say whose it is.
CREATE TABLE access_token (
  digest bytea NOT NULL PRIMARY KEY,  -- the token itself is not kept
  project_id text COLLATE "C" NOT NULL,
  email text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  scopes text NOT NULL,  -- JSON, an array of strings
  issued_at double precision NOT NULL,
  expires_at double precision NOT NULL,
  FOREIGN KEY (project_id, key_id) REFERENCES service_key
);

CREATE INDEX access_token_by_end ON access_token (expires_at);

CREATE TABLE link (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  user_id text COLLATE "C" NOT NULL,
  state text NOT NULL,
  sealed_access bytea NOT NULL,
  sealed_refresh bytea NOT NULL,
  expires_at double precision,
  created_at double precision NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,  -- empty until the first SYNC has told it
  grant_digest bytea NOT NULL,
  origin text NOT NULL,
  problem text NOT NULL,
  changed_at double precision NOT NULL,
  issued_at double precision,  -- when the access token came; null when nobody has noted it
  refresh_until double precision NOT NULL DEFAULT 0,  -- somebody refreshes until then at most
  refresh_failures bigint NOT NULL DEFAULT 0,  -- in a row
  refresh_due_at double precision NOT NULL DEFAULT 0,  -- the token endpoint is not asked before
  refresh_error text NOT NULL DEFAULT '',  -- what it ran into last
  fence_last bigint NOT NULL DEFAULT 0,  -- of its first SYNC's work when that was deleted
  PRIMARY KEY (project_id, user_id)
);

CREATE INDEX link_by_agent_user ON link (project_id, agent_user_id, user_id);

-- Links whose first SYNC has not succeeded: few, beside those that were unlinked before they had an agent user.
CREATE INDEX link_in_first_sync ON link (project_id, user_id)
WHERE agent_user_id = '' AND state IN ('linking', 'broken');

-- Accounts that users are about to link: a state goes out with each, and may come back once.
CREATE TABLE linking (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  linking_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  redirect_uri text NOT NULL,
  created_at double precision NOT NULL,
  expires_at double precision NOT NULL,
  sealed_verifier bytea NOT NULL,
  used_at double precision,  -- when the browser came back
  outcome text NOT NULL DEFAULT '',  -- "granted", or the code of a reason; empty while nobody knows
  steps text NOT NULL DEFAULT '[]',  -- JSON, an array of graph.linking.LinkingStep
  PRIMARY KEY (project_id, linking_id)
);

CREATE INDEX linking_by_expiry ON linking (project_id, expires_at);
CREATE INDEX linking_by_user ON linking (project_id, user_id, created_at);

-- Those that a process has in its hands.
CREATE INDEX linking_under_way ON linking (used_at) WHERE used_at IS NOT NULL AND outcome = '';

-- An agent user that was unlinked stays as a tombstone: a refused call can then be told why, and the fences of its work go
-- on where they ended, so that a worker of the time before cannot take itself for one of today.
CREATE TABLE agent_user (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  agent_user_id text COLLATE "C" NOT NULL,
  linked boolean NOT NULL,
  linked_at double precision NOT NULL DEFAULT 0,
  unlinked_at double precision,
  device_count bigint NOT NULL DEFAULT 0,
  state_count bigint NOT NULL DEFAULT 0,
  fence_last bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id, agent_user_id)
) WITH (fillfactor = 90);

CREATE INDEX agent_user_elsewhere ON agent_user (agent_user_id) WHERE linked;

-- graph.syncing.Work, for an agent user that is linked (user_id empty) or a link in its first SYNC (agent_user_id empty).
-- ready_at is graph.syncing.ready_at of it: when somebody may take it, null while it is idle.
-- The row is also the lock of its agent user: who changes its list, its links or its end holds it.
CREATE TABLE sync_work (
  project_id text COLLATE "C" NOT NULL REFERENCES project,
  agent_user_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  requested bigint NOT NULL,
  done bigint NOT NULL,
  taken bigint NOT NULL,
  fence bigint NOT NULL,
  attempts bigint NOT NULL,
  due_at double precision NOT NULL,
  lease_until double precision NOT NULL,
  worker text NOT NULL,
  sync_generation bigint NOT NULL,
  sync_until double precision NOT NULL,
  async_generation bigint NOT NULL,
  cause text NOT NULL,
  requested_at double precision NOT NULL,
  run_cause text NOT NULL,
  run_mode text NOT NULL,
  run_requested_at double precision NOT NULL,
  run_started_at double precision NOT NULL,
  ready_at double precision,
  PRIMARY KEY (project_id, agent_user_id, user_id)
) WITH (fillfactor = 70);

-- Work that is idle, nearly all of it at any time, is not in here. In the order of claims, so that a claim reads no more
-- than it takes.
CREATE INDEX sync_work_ready ON sync_work (project_id, ready_at, agent_user_id, user_id)
WHERE ready_at IS NOT NULL;

-- What is read of a device with nearly every call (what it may report, its states, its fingerprint) is one short row, with room on
-- its page for the next version of it; its definition, which is long and read when somebody wants to see it, lies apart.
CREATE TABLE device (
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  fingerprint bytea NOT NULL,
  notifies boolean NOT NULL,
  traits text NOT NULL,  -- JSON, an array of strings
  attributes bytea NOT NULL,  -- JSON, an object, as the definition has it; empty for none
  trait_count bigint NOT NULL DEFAULT 0,  -- the number of members of states
  states bytea,  -- JSON, by trait an array: when it came, and the trait's state, an object; null for none
  added_at double precision NOT NULL,
  changed_at double precision NOT NULL,
  room text NOT NULL,
  name text NOT NULL,
  nicknames text NOT NULL,  -- JSON, an array of strings
  chosen text NOT NULL,  -- JSON, an array of strings
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) WITH (fillfactor = 70);

CREATE TABLE definition (
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  definition bytea NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id, device_id) REFERENCES device ON DELETE CASCADE ON UPDATE CASCADE
);

-- Runs, exchanges, errands and notifications are journals: written at the end, read by id, and dropped from the beginning. seq counts them,
-- with a gap only where a transaction was undone, so that their number is known without counting.
CREATE TABLE run (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  run_id text COLLATE "C" NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  cause text NOT NULL,
  mode text NOT NULL,
  outcome text NOT NULL,
  requested_at double precision NOT NULL,
  started_at double precision NOT NULL,
  finished_at double precision NOT NULL,
  merged bigint NOT NULL,
  attempt bigint NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  next_at double precision,
  changes text NOT NULL,  -- JSON, graph.model.Changes
  results text NOT NULL,  -- JSON, an array of graph.model.LinkResult
  findings text NOT NULL,  -- JSON, an array of graph.model.Finding
  PRIMARY KEY (project_id, run_id)
);

CREATE INDEX run_by_id ON run (run_id);
CREATE INDEX run_by_agent_user ON run (project_id, agent_user_id, run_id);
CREATE INDEX run_in_order ON run (seq);

CREATE TABLE exchange (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  project_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C" NOT NULL,  -- a run or an errand
  intent text NOT NULL,
  user_id text NOT NULL,
  url text NOT NULL,
  started_at double precision NOT NULL,
  took double precision NOT NULL,
  request_headers text NOT NULL,  -- JSON, an object of strings
  request_body bytea NOT NULL,
  status bigint NOT NULL,
  response_headers text NOT NULL,  -- JSON, an object of strings
  response_body bytea NOT NULL,
  response_size bigint NOT NULL,
  error text NOT NULL,
  PRIMARY KEY (project_id, owner_id, seq)
);

CREATE INDEX exchange_in_order ON exchange (seq);

CREATE TABLE errand (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  errand_id text COLLATE "C" NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  user_id text NOT NULL,
  intent text NOT NULL,
  command text NOT NULL,
  params text NOT NULL,  -- JSON, an object
  started_at double precision NOT NULL,
  finished_at double precision,  -- null while it is under way, or when its process died
  devices text NOT NULL,  -- JSON, an array of graph.errands.DeviceResult
  findings text NOT NULL,  -- JSON, an array of graph.model.Finding
  PRIMARY KEY (project_id, errand_id)
);

CREATE INDEX errand_by_id ON errand (errand_id);
CREATE INDEX errand_by_agent_user ON errand (project_id, agent_user_id, errand_id);
CREATE INDEX errand_in_order ON errand (seq);

CREATE TABLE follow_up (
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  errand_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  sent_at double precision NOT NULL,
  answered_at double precision,
  trait text NOT NULL DEFAULT '',
  body bytea NOT NULL DEFAULT '',  -- JSON, the notification that brought the token back
  PRIMARY KEY (project_id, agent_user_id, token),
  FOREIGN KEY (project_id, errand_id) REFERENCES errand ON DELETE CASCADE
);

CREATE INDEX follow_up_by_errand ON follow_up (project_id, errand_id, device_id);

CREATE TABLE notification (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  notification_id text COLLATE "C" NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  agent_user_id text COLLATE "C" NOT NULL,
  device_id text NOT NULL,
  trait text NOT NULL,
  event_id text NOT NULL,
  received_at double precision NOT NULL,
  body bytea NOT NULL,  -- JSON
  PRIMARY KEY (project_id, notification_id)
);

CREATE INDEX notification_by_id ON notification (notification_id);
CREATE INDEX notification_by_agent_user ON notification (project_id, agent_user_id, notification_id);
CREATE INDEX notification_in_order ON notification (seq);

-- One row that Store.check writes to.
CREATE TABLE probe (
  the_only boolean PRIMARY KEY CHECK (the_only),
  writes bigint NOT NULL
);

INSERT INTO probe (the_only, writes) VALUES (true, 0);
