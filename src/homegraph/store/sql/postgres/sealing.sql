-- find_sealing --
-- The fingerprint of the key that secrets are sealed with.
SELECT fingerprint FROM sealing;

-- note_sealing --
-- Secrets are sealed with this key from now on; nothing when one is noted already, which then counts.
INSERT INTO sealing (the_only, fingerprint, noted_at) VALUES (true, $1, $2) ON CONFLICT (the_only) DO NOTHING;

-- replace_sealing --
-- Secrets are sealed with this key from now on, whatever was noted.
INSERT INTO sealing (the_only, fingerprint, noted_at) VALUES (true, $1, $2)
ON CONFLICT (the_only) DO UPDATE SET fingerprint = excluded.fingerprint, noted_at = excluded.noted_at;

-- forget_grants --
-- Grants of the file are known no more, so that it adopts them again; but for those of links that have ended.
UPDATE link SET grant_digest = '' WHERE grant_digest <> '' AND state <> 'unlinked';
