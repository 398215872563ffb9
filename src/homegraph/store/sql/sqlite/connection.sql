-- configure --
-- Set up a connection. FULL: a commit is on the disk when it returns. The log is folded in by others (store.sqlite.folding), unless
-- it has grown to 64 MB nevertheless; one that grew behind a long read shrinks again. 32 MB of cache hold the hot rows of most.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA wal_autocheckpoint = 16000;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -32768;
PRAGMA temp_store = MEMORY;

-- enlarge_cache --
-- Have a larger cache, in which the inner pages of the trees of very many homes stay (docs/decisions/0055).
PRAGMA cache_size = -163840;

-- configure_reader --
-- Set up a second connection that only reads.
PRAGMA query_only = ON;
PRAGMA cache_size = -16384;
PRAGMA temp_store = MEMORY;

-- configure_folding --
-- Set up a connection that folds the log in and does nothing else. FULL: a page is in its place on the disk before it goes from the log.
PRAGMA synchronous = FULL;
PRAGMA query_only = ON;

-- trust_references --
-- Do not look at what rows refer to: a table that is made anew must not take along what refers to it. Not inside a transaction.
PRAGMA foreign_keys = OFF;

-- enforce_references --
-- Do so again.
PRAGMA foreign_keys = ON;

-- journal_mode --
-- How commits are made durable; "wal", unless the file system cannot do it.
PRAGMA journal_mode;

-- begin_write --
-- Start a transaction that may write. Taking the lock at once leaves nothing to fail half way.
BEGIN IMMEDIATE;

-- begin_read --
-- Start a transaction that reads one snapshot.
BEGIN;

-- commit --
-- Make it durable.
COMMIT;

-- rollback --
-- Make it undone.
ROLLBACK;

-- probe --
-- Write something, to see whether it can be done.
UPDATE probe SET writes = writes + 1;
