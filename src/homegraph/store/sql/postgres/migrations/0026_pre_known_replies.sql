-- A reply to SYNC that comes again is known by a digest, and nothing of it or of the list is read. Empty for none: the next run looks.
-- It is bound to the run before, so a server of the release before, which does not write it, makes it void with each of its runs.

ALTER TABLE sync_work ADD COLUMN reply bytea NOT NULL DEFAULT '';
