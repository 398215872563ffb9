-- A long body of the journal is packed and stands in a column of its own, so that a server of the release before finds it empty, not garbled.
-- It is not worth being packed again.

ALTER TABLE exchange ADD COLUMN response_packed bytea NOT NULL DEFAULT '';  -- an LZ4 block, its length first; empty for none
ALTER TABLE exchange ALTER COLUMN response_packed SET STORAGE EXTERNAL;
