-- What happened in a linking, step by step, for whoever asks why it has failed; and the linkings of one user.

ALTER TABLE linking ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';  -- JSON, an array of graph.linking.LinkingStep

CREATE INDEX linking_by_user ON linking (project_id, user_id, created_at);
