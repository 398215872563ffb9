-- Devices that a SYNC brought and that were not taken: few, bounded, and read whole, so they stand with their agent user.

ALTER TABLE agent_user ADD COLUMN held TEXT NOT NULL DEFAULT '';  -- JSON, an array of graph.model.HeldDevice; empty for none
