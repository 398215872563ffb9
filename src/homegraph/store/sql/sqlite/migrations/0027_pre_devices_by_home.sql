-- The key of a device begins with what tells most. Nearly all devices of a database are of one project, and on the way down the tree
-- each comparison looked at that first, and in vain.
--
-- References are not enforced while migrations are applied.
ALTER TABLE device RENAME TO device_by_project;

-- id is the number of the device's rows in reported and definition.
CREATE TABLE device (
  project_id TEXT NOT NULL,
  agent_user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  id INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  changed_at REAL NOT NULL,
  PRIMARY KEY (agent_user_id, project_id, device_id),
  FOREIGN KEY (project_id, agent_user_id) REFERENCES agent_user
) STRICT, WITHOUT ROWID;

-- Not sorted first: of one project they come in the order of the key, and to sort ten million rows takes a gigabyte of memory.
INSERT INTO device (project_id, agent_user_id, device_id, id, fingerprint, changed_at)
SELECT project_id, agent_user_id, device_id, id, fingerprint, changed_at FROM device_by_project
ORDER BY project_id, agent_user_id, device_id;

DROP TABLE device_by_project;
