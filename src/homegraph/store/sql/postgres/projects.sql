-- list_projects --
-- All projects by id.
SELECT
  project_id, fulfillment_url, number, api_enabled, suspended, policy,
  client_id, sealed_secret, token_url, authorization_url, scopes, client_auth, pkce, redirect_uri
FROM project
ORDER BY project_id;

-- find_project --
-- Projects by their ids.
SELECT
  project_id, fulfillment_url, number, api_enabled, suspended, policy,
  client_id, sealed_secret, token_url, authorization_url, scopes, client_auth, pkce, redirect_uri
FROM project
WHERE project_id = ANY ($1::text[]);

-- save_project --
-- Create a project, or bring it up to date.
INSERT INTO project (
  project_id, fulfillment_url, number, api_enabled, suspended, policy,
  client_id, sealed_secret, token_url, authorization_url, scopes, client_auth, pkce, redirect_uri
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (project_id) DO UPDATE SET
  fulfillment_url = excluded.fulfillment_url,
  number = excluded.number,
  api_enabled = excluded.api_enabled,
  suspended = excluded.suspended,
  policy = excluded.policy,
  client_id = excluded.client_id,
  sealed_secret = excluded.sealed_secret,
  token_url = excluded.token_url,
  authorization_url = excluded.authorization_url,
  scopes = excluded.scopes,
  client_auth = excluded.client_auth,
  pkce = excluded.pkce,
  redirect_uri = excluded.redirect_uri;

-- count_projects --
-- How many projects there are.
SELECT count(*) FROM project;

-- lock_project --
-- Lock a project, so that what is counted of it stays as it is. A row of another table may refer to it meanwhile.
SELECT project_id FROM project WHERE project_id = $1 FOR NO KEY UPDATE;
