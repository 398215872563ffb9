-- The choices of a project, as one document: a choice more is no change of the schema.

ALTER TABLE project ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';  -- JSON, an object

UPDATE project SET policy = json_object('empty_sync', empty_sync) WHERE empty_sync <> 'keep';
