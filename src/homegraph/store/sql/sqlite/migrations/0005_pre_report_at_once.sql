-- A report is checked and kept with one row read and one row written for each device.
--
-- attributes are those of the definition, as they came: what a state may be depends on them. The table is made anew for the
-- reason that 0002 tells.
CREATE TABLE device_with_attributes (
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
  attributes BLOB NOT NULL DEFAULT x'',  -- JSON, an object; empty for none
  definition BLOB NOT NULL,
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT, WITHOUT ROWID;

-- What cannot be read counts as no attributes: the next SYNC that brings other bytes mends it.
INSERT INTO device_with_attributes
SELECT
  project_id, agent_user_id, device_id, fingerprint, added_at, changed_at, room, name, nicknames, chosen, traits, notifies,
  CASE
    WHEN json_valid(text) AND json_type(text, '$.attributes') = 'object' THEN CAST(text -> '$.attributes' AS BLOB)
    ELSE x''
  END,
  definition
FROM (SELECT *, CAST(definition AS TEXT) AS text FROM device);

-- The states of one device. Written at every report, so apart from the definitions, which are long and seldom change. A row goes
-- and moves with its device. trait_count is the number of members of states.
CREATE TABLE device_state (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  trait_count INTEGER NOT NULL,
  states BLOB NOT NULL,  -- JSON, by trait an array: when it came, and the trait's state, an object
  PRIMARY KEY (project_id, agent_user_id, device_id),
  FOREIGN KEY (project_id, agent_user_id, device_id)
    REFERENCES device_with_attributes ON DELETE CASCADE ON UPDATE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO device_state
SELECT
  project_id, agent_user_id, device_id, count(*),
  CAST(
    '{' || group_concat(
      format('%s:[%!.17g,%s]', json_quote(trait), committed_at, CAST(state AS TEXT)), ','
    ) || '}' AS BLOB
  )
FROM trait_state
GROUP BY project_id, agent_user_id, device_id;

-- In this order: what refers to a table that is dropped would go with its rows.
DROP TABLE trait_state;
DROP TABLE device;
ALTER TABLE device_with_attributes RENAME TO device;
