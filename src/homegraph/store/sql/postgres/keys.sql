-- list_keys --
-- All keys of projects, those of each by id.
SELECT key_id, project_id, digest, hint, created_at, origin, expires_at, revoked_at, methods, addresses
FROM api_key
WHERE project_id = ANY ($1::text[])
ORDER BY project_id, key_id;

-- find_key --
-- The key with a digest.
SELECT key_id, project_id, digest, hint, created_at, origin, expires_at, revoked_at, methods, addresses
FROM api_key
WHERE digest = $1;

-- find_key_by_id --
-- A project's key with an id.
SELECT key_id, project_id, digest, hint, created_at, origin, expires_at, revoked_at, methods, addresses
FROM api_key
WHERE project_id = $1 AND key_id = $2;

-- insert_key --
-- Keep a new key.
INSERT INTO api_key (
  key_id, project_id, digest, hint, created_at, origin, expires_at, revoked_at, methods, addresses
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- update_declared_key --
-- Bring a key up to date with the file. Its id, when it was made and whether it is revoked stay.
UPDATE api_key
SET hint = $2, origin = $3, expires_at = $4, methods = $5, addresses = $6
WHERE digest = $1;

-- revoke_key --
-- Revoke a key; one that is revoked stays as it is.
UPDATE api_key SET revoked_at = $3 WHERE project_id = $1 AND key_id = $2 AND revoked_at IS NULL;
