-- Links whose users want to be unlinked: the fulfillment is being told. What a dead process has left here is ended by another one.

CREATE TABLE unlinking (
  project_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  asked_at double precision NOT NULL,
  PRIMARY KEY (project_id, user_id),
  FOREIGN KEY (project_id, user_id) REFERENCES link
);
