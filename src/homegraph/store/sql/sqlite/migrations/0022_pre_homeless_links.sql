-- Links without an agent user, in the order in which an export lists them: those before their first SYNC, and those that have ended.

CREATE INDEX link_homeless ON link (project_id, user_id) WHERE agent_user_id = '';
