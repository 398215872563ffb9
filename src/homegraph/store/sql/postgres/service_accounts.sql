-- list_service_keys --
-- All keys of service accounts.
SELECT key_id, project_id, email, public_pem, created_at, origin, revoked_at
FROM service_key
ORDER BY project_id, key_id;

-- list_service_keys_of_project --
-- The keys of the service accounts of projects.
SELECT key_id, project_id, email, public_pem, created_at, origin, revoked_at
FROM service_key
WHERE project_id = ANY ($1::text[])
ORDER BY project_id, key_id;

-- list_service_keys_of_account --
-- The keys of the service account with an email.
SELECT key_id, project_id, email, public_pem, created_at, origin, revoked_at
FROM service_key
WHERE email = $1
ORDER BY project_id, key_id;

-- find_service_key --
-- A project's service account key with an id.
SELECT key_id, project_id, email, public_pem, created_at, origin, revoked_at
FROM service_key
WHERE project_id = $1 AND key_id = $2;

-- is_account_elsewhere --
-- Whether another project has a valid key of this account.
SELECT EXISTS (SELECT 1 FROM service_key WHERE email = $2 AND project_id <> $1 AND revoked_at IS NULL);

-- insert_service_key --
-- Keep a new key of a service account.
INSERT INTO service_key (key_id, project_id, email, public_pem, created_at, origin, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- declare_service_key --
-- Note whose a key is that is here already.
UPDATE service_key SET origin = $3 WHERE project_id = $1 AND key_id = $2;

-- revoke_service_key --
-- Revoke a key; one that is revoked stays as it is.
UPDATE service_key SET revoked_at = $3 WHERE project_id = $1 AND key_id = $2 AND revoked_at IS NULL;

-- find_token --
-- The access token with a digest, unless the key that it was issued to is revoked.
SELECT t.digest, t.project_id, t.email, t.key_id, t.scopes, t.issued_at, t.expires_at
FROM access_token AS t
JOIN service_key AS k USING (project_id, key_id)
WHERE t.digest = $1 AND k.revoked_at IS NULL;

-- insert_token --
-- Keep an access token.
INSERT INTO access_token (digest, project_id, email, key_id, scopes, issued_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- delete_tokens --
-- Drop so many of the access tokens that have ended by a time, those first that ended first.
DELETE FROM access_token
WHERE digest = ANY (
  ARRAY(SELECT digest FROM access_token WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
);

-- lock_credentials --
-- Credentials are added one at a time: whether a value, an id or an account is somebody else's is asked of all projects.
LOCK TABLE api_key, service_key IN SHARE ROW EXCLUSIVE MODE;
