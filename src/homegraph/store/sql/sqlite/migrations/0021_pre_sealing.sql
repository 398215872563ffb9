-- With which key the secrets in here are sealed: by its fingerprint, which tells nothing about the key.

CREATE TABLE sealing (
  only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
  fingerprint TEXT NOT NULL,
  noted_at REAL NOT NULL
) STRICT;
