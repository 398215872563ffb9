-- What is reported of devices, notifications, and the service accounts that report.

ALTER TABLE agent_user ADD COLUMN linked_at REAL NOT NULL DEFAULT 0;
ALTER TABLE agent_user ADD COLUMN state_count INTEGER NOT NULL DEFAULT 0;

-- traits and notifies say again what the definition says, so that a report is checked without reading it. The table is made anew
-- because a column can only be added at the end: there it would lie behind the definition, on another page where that is long.
CREATE TABLE device_with_traits (
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
  traits TEXT NOT NULL DEFAULT '[]',  -- JSON, an array of strings
  notifies INTEGER NOT NULL DEFAULT 0,
  definition BLOB NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT, WITHOUT ROWID;

-- What cannot be read counts as no traits: the next SYNC that brings other bytes mends it.
INSERT INTO device_with_traits
SELECT
  project_id, agent_user_id, device_id, fingerprint, added_at, changed_at, room, name, nicknames, chosen,
  CASE WHEN json_valid(text) AND json_type(text, '$.traits') = 'array' THEN json_extract(text, '$.traits') ELSE '[]' END,
  CASE WHEN json_valid(text) THEN coalesce(json_type(text, '$.notificationSupportedByAgent') = 'true', 0) ELSE 0 END,
  definition
FROM (SELECT *, CAST(definition AS TEXT) AS text FROM device);

DROP TABLE device;
ALTER TABLE device_with_traits RENAME TO device;

-- The state of one trait of one device, and when it came. Written at every report, so apart from the definitions, which are long
-- and seldom change. A row goes and moves with its device.
CREATE TABLE trait_state (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  trait TEXT NOT NULL,
  state BLOB NOT NULL,  -- JSON, an object
  committed_at REAL NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id, trait),
  FOREIGN KEY (project_id, agent_user_id, device_id) REFERENCES device ON DELETE CASCADE ON UPDATE CASCADE
) STRICT, WITHOUT ROWID;

-- A journal like those of runs and exchanges.
CREATE TABLE notification (
  seq INTEGER PRIMARY KEY,
  notification_id TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  trait TEXT NOT NULL,
  event_id TEXT NOT NULL,
  received_at REAL NOT NULL,
  body BLOB NOT NULL  -- JSON
) STRICT;

CREATE INDEX notification_by_project ON notification (project_id, notification_id);
CREATE INDEX notification_by_agent_user ON notification (project_id, agent_user_id, notification_id);

CREATE TABLE service_key (
  project_id TEXT NOT NULL REFERENCES project,
  key_id TEXT NOT NULL,
  email TEXT NOT NULL,
  public_pem BLOB NOT NULL,
  created_at REAL NOT NULL,
  origin TEXT NOT NULL,
  revoked_at REAL,
  PRIMARY KEY (project_id, key_id)
) STRICT, WITHOUT ROWID;

-- Whoever asks for a token names the account only.
CREATE INDEX service_key_by_email ON service_key (email, project_id, key_id);

-- The one table whose key does not start with the project: whoever shows a token does not say whose it is.
CREATE TABLE access_token (
  digest BLOB NOT NULL PRIMARY KEY,  -- the token itself is not kept
  project_id TEXT NOT NULL,
  email TEXT NOT NULL,
  key_id TEXT NOT NULL,
  scopes TEXT NOT NULL,  -- JSON, an array of strings
  issued_at REAL NOT NULL,
  expires_at REAL NOT NULL,
  FOREIGN KEY (project_id, key_id) REFERENCES service_key
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_by_end ON access_token (expires_at);
