-- A run tells which generation it took (graph/syncing): by that, and not by clocks, a caller who waits at another server knows whether it
-- answers him. 0, which answers nobody, for those that were kept before, and for those of a server of the release before.
ALTER TABLE run ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
