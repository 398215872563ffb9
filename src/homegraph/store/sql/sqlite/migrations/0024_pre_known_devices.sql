-- What a run reads of a home before it knows what has changed (ids and fingerprints of all devices) lies together, in the order of
-- the key, and is the key as well: no index leads to it. What is reported of a device, and where it stands, has a row apart,
-- as its definition has: a run reads and writes neither unless it must.
--
-- References are not enforced while migrations are applied: definition goes on referring to what has the old table's new name, and
-- does not go with its rows when that is dropped.
ALTER TABLE device RENAME TO reported;

-- id is the number of the device's rows in reported and definition.
CREATE TABLE device (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  id INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  changed_at REAL NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT, WITHOUT ROWID;

INSERT INTO device (project_id, agent_user_id, device_id, id, fingerprint, changed_at)
SELECT project_id, agent_user_id, device_id, id, fingerprint, changed_at FROM reported
ORDER BY project_id, agent_user_id, device_id;

CREATE TABLE reported_in_short (
  device INTEGER PRIMARY KEY,
  notifies INTEGER NOT NULL,
  traits TEXT NOT NULL,  -- JSON, an array of strings
  attributes BLOB NOT NULL,  -- JSON, an object, as the definition has it; empty for none
  trait_count INTEGER NOT NULL,
  states BLOB,  -- JSON, by trait an array: when it came, and the trait's state, an object; null for none
  added_at REAL NOT NULL,
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  nicknames TEXT NOT NULL,  -- JSON, an array of strings
  chosen TEXT NOT NULL  -- JSON, an array of strings
) STRICT;

INSERT INTO reported_in_short (
  device, notifies, traits, attributes, trait_count, states, added_at, room, name, nicknames, chosen
)
SELECT id, notifies, traits, attributes, trait_count, states, added_at, room, name, nicknames, chosen FROM reported
ORDER BY id;

DROP TABLE reported;
ALTER TABLE reported_in_short RENAME TO reported;
