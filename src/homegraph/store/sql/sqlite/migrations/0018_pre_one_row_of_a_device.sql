-- What is read of a device with nearly every call (what it may report, its states, its fingerprint) is one short row; its
-- definition, which is long and read when somebody wants to see it, lies apart.
--
-- The row has a number, so that it is found by its long key once, and written by the number. states take the place of a table: they
-- go and move with the device because they are part of it. trait_count is the number of their members.
CREATE TABLE device_in_short (
  id INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  notifies INTEGER NOT NULL,
  traits TEXT NOT NULL,  -- JSON, an array of strings
  attributes BLOB NOT NULL,  -- JSON, an object, as the definition has it; empty for none
  trait_count INTEGER NOT NULL DEFAULT 0,
  states BLOB,  -- JSON, by trait an array: when it came, and the trait's state, an object; null for none
  added_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  nicknames TEXT NOT NULL,  -- JSON, an array of strings
  chosen TEXT NOT NULL,  -- JSON, an array of strings
  UNIQUE (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT;

CREATE TABLE definition (
  device INTEGER PRIMARY KEY REFERENCES device_in_short ON DELETE CASCADE,
  definition BLOB NOT NULL
) STRICT;

INSERT INTO device_in_short (
  project_id, agent_user_id, device_id, fingerprint, notifies, traits, attributes, trait_count, states,
  added_at, changed_at, room, name, nicknames, chosen
)
SELECT
  d.project_id, d.agent_user_id, d.device_id, d.fingerprint, d.notifies, d.traits, d.attributes,
  coalesce(s.trait_count, 0), s.states, d.added_at, d.changed_at, d.room, d.name, d.nicknames, d.chosen
FROM device AS d
LEFT JOIN device_state AS s
  ON s.project_id = d.project_id AND s.agent_user_id = d.agent_user_id AND s.device_id = d.device_id
ORDER BY d.project_id, d.agent_user_id, d.device_id;

INSERT INTO definition
SELECT short.id, d.definition
FROM device_in_short AS short
JOIN device AS d
  ON d.project_id = short.project_id AND d.agent_user_id = short.agent_user_id AND d.device_id = short.device_id
ORDER BY short.id;

-- In this order: what refers to a table that is dropped would go with its rows.
DROP TABLE device_state;
DROP TABLE device;
ALTER TABLE device_in_short RENAME TO device;
