-- Accounts that users are about to link: a state goes out with each, and may come back once.

CREATE TABLE linking (
  project_id TEXT NOT NULL REFERENCES project,
  linking_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  created_at REAL NOT NULL,
  expires_at REAL NOT NULL,
  sealed_verifier BLOB NOT NULL,
  used_at REAL,  -- when the browser came back
  outcome TEXT NOT NULL DEFAULT '',  -- "granted", or the code of a reason; empty while nobody knows
  PRIMARY KEY (project_id, linking_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX linking_by_expiry ON linking (project_id, expires_at);

-- Those that a process has in its hands: a few, and none after a start.
CREATE INDEX linking_under_way ON linking (project_id, linking_id) WHERE used_at IS NOT NULL AND outcome = '';
