-- Refreshes of access tokens: one at a time for each link, and later each time when the token endpoint fails.

ALTER TABLE link ADD COLUMN issued_at REAL;  -- when the access token came; NULL when nobody has noted it
ALTER TABLE link ADD COLUMN refresh_until REAL NOT NULL DEFAULT 0;  -- somebody refreshes until then at most
ALTER TABLE link ADD COLUMN refresh_failures INTEGER NOT NULL DEFAULT 0;  -- in a row
ALTER TABLE link ADD COLUMN refresh_due_at REAL NOT NULL DEFAULT 0;  -- the token endpoint is not asked before
ALTER TABLE link ADD COLUMN refresh_error TEXT NOT NULL DEFAULT '';  -- what it ran into last

-- Those that a process has in its hands: a few, and none after a start.
CREATE INDEX link_refreshing ON link (refresh_until) WHERE refresh_until > 0;
