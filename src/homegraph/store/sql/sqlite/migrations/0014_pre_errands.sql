-- Errands: EXECUTEs and live QUERYs, with the follow-ups that they wait for. An exchange belongs to a run or to an errand; their ids
-- are made alike, so one column names either.

-- A journal like that of runs, in the order in which errands began.
CREATE TABLE errand (
  seq INTEGER PRIMARY KEY,
  errand_id TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  intent TEXT NOT NULL,
  command TEXT NOT NULL,
  params TEXT NOT NULL,  -- JSON, an object
  started_at REAL NOT NULL,
  finished_at REAL,  -- null while it is under way, or when its process died
  devices TEXT NOT NULL,  -- JSON, an array of graph.errands.DeviceResult
  findings TEXT NOT NULL  -- JSON, an array of graph.model.Finding
) STRICT;

CREATE INDEX errand_by_project ON errand (project_id, errand_id);
CREATE INDEX errand_by_agent_user ON errand (project_id, agent_user_id, errand_id);

CREATE TABLE follow_up (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  token TEXT NOT NULL,
  errand_id TEXT NOT NULL REFERENCES errand (errand_id) ON DELETE CASCADE,
  device_id TEXT NOT NULL,
  sent_at REAL NOT NULL,
  answered_at REAL,
  trait TEXT NOT NULL DEFAULT '',
  body BLOB NOT NULL DEFAULT x'',  -- JSON, the notification that brought the token back
  PRIMARY KEY (project_id, agent_user_id, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX follow_up_by_errand ON follow_up (errand_id, device_id);

ALTER TABLE exchange RENAME COLUMN run_id TO owner_id;
DROP INDEX exchange_by_run;
CREATE INDEX exchange_by_owner ON exchange (project_id, owner_id);
