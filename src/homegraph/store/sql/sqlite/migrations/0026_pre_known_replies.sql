-- A reply to SYNC that comes again is known by a digest, and nothing of it or of the list is read. Empty for none: the next run looks.
ALTER TABLE sync_work ADD COLUMN reply BLOB NOT NULL DEFAULT x'';
