-- With which key the secrets in here are sealed: by its fingerprint, which tells nothing about the key.

CREATE TABLE sealing (
  the_only boolean NOT NULL PRIMARY KEY CHECK (the_only),
  fingerprint text COLLATE "C" NOT NULL,
  noted_at double precision NOT NULL
);
