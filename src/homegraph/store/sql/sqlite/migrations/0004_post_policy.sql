-- The one choice that had a column of its own is in the document.

ALTER TABLE project DROP COLUMN empty_sync;
