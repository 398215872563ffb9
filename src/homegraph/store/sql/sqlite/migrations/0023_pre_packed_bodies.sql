-- A long body of the journal is packed and stands in a column of its own, so that a server of the release before finds it empty, not garbled.

ALTER TABLE exchange ADD COLUMN response_packed BLOB NOT NULL DEFAULT x'';  -- an LZ4 block, its length first; empty for none
