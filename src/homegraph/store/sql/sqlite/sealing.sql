-- find_sealing --
-- The fingerprint of the key that secrets are sealed with.
SELECT fingerprint FROM sealing;

-- note_sealing --
-- Secrets are sealed with this key from now on; nothing when one is noted already, which then counts.
INSERT INTO sealing (only, fingerprint, noted_at) VALUES (1, ?, ?) ON CONFLICT (only) DO NOTHING;

-- replace_sealing --
-- Secrets are sealed with this key from now on, in place of another one; nothing when that one is not noted any more.
UPDATE sealing SET fingerprint = ?1, noted_at = ?2 WHERE only = 1 AND fingerprint = ?3;

-- forget_grants --
-- Grants of the file are known no more, so that it adopts them again; but for those of links that have ended.
UPDATE link SET grant_digest = x'' WHERE grant_digest <> x'' AND state <> 'unlinked';
