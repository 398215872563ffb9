-- list_homes --
-- Agent users of a project after an id, tombstones too.
SELECT agent_user_id FROM agent_user
WHERE project_id = ? AND agent_user_id > ?
ORDER BY agent_user_id
LIMIT ?;

-- list_homeless_links --
-- Users after one whose link to a project has no agent user.
SELECT user_id FROM link INDEXED BY link_homeless
WHERE project_id = ? AND agent_user_id = '' AND user_id > ?
ORDER BY user_id
LIMIT ?;

-- export_agent_user --
-- An agent user, or the tombstone of one.
SELECT linked, linked_at, unlinked_at, fence_last, held FROM agent_user
WHERE project_id = ? AND agent_user_id = ?;

-- export_devices --
-- Everything of an agent user's devices.
SELECT
  d.fingerprint, r.notifies, r.traits, r.attributes, r.states,
  d.device_id, f.definition, r.room, r.name, r.nicknames, r.chosen, r.added_at, d.changed_at
FROM device AS d
JOIN reported AS r ON r.device = d.id
JOIN definition AS f ON f.device = d.id
WHERE d.project_id = ? AND d.agent_user_id = ?
ORDER BY d.device_id;

-- find_unlinking --
-- When a user wanted to be unlinked.
SELECT asked_at FROM unlinking WHERE project_id = ? AND user_id = ?;

-- import_link --
-- Keep a link that is not here, with the last fence of its first SYNC.
INSERT INTO link (
  project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
  created_at, agent_user_id, grant_digest, origin, problem, changed_at,
  issued_at, refresh_until, refresh_failures, refresh_due_at, refresh_error, fence_last
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- import_agent_user --
-- Keep an agent user, or the tombstone of one, that is not here.
INSERT INTO agent_user (project_id, agent_user_id, linked, linked_at, unlinked_at, fence_last, held, device_count, state_count)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
