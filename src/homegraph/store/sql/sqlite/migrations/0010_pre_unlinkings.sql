-- Links whose users want to be unlinked: the fulfillment is being told. What a dead process has left here is ended by the next one.

CREATE TABLE unlinking (
  project_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  asked_at REAL NOT NULL,
  PRIMARY KEY (project_id, user_id),
  FOREIGN KEY (project_id, user_id) REFERENCES link
) STRICT, WITHOUT ROWID;
