-- check_pages --
-- Whether pages, rows and indexes are as they must be: "ok", or sentences.
PRAGMA integrity_check(100);

-- check_references --
-- Rows that refer to something that is not there: their table, and the one they refer to.
SELECT "table", parent FROM pragma_foreign_key_check LIMIT 100;

-- check_totals --
-- Agent users whose totals are not those of their rows.
SELECT project_id, agent_user_id, what FROM (
  SELECT project_id, agent_user_id, 'devices' AS what FROM agent_user AS u
  WHERE device_count <> (
    SELECT count(*) FROM device AS d WHERE d.project_id = u.project_id AND d.agent_user_id = u.agent_user_id
  )
  UNION ALL
  SELECT project_id, agent_user_id, 'states' FROM agent_user AS u
  WHERE state_count <> (
    SELECT coalesce(sum((SELECT trait_count FROM reported AS r WHERE r.device = d.id)), 0) FROM device AS d
    WHERE d.project_id = u.project_id AND d.agent_user_id = u.agent_user_id
  )
) ORDER BY project_id, agent_user_id, what LIMIT ?1;

-- check_definitions --
-- Devices that have no definition, which nobody would be shown.
SELECT project_id, agent_user_id, device_id FROM device AS d
WHERE NOT EXISTS (SELECT 1 FROM definition AS f WHERE f.device = d.id)
ORDER BY agent_user_id, project_id, device_id LIMIT ?1;

-- list_packed --
-- Bodies of the journal that are packed, with whose they are: those behind a number, in order.
SELECT seq, project_id, owner_id, response_packed FROM exchange
WHERE seq > ?1 AND response_packed <> x''
ORDER BY seq LIMIT ?2;

-- fold_log --
-- Bring everything into the file itself, and let the log be empty.
PRAGMA wal_checkpoint(TRUNCATE);

-- keep_no_log --
-- Be one file. The server turns the log on again when it opens it.
PRAGMA journal_mode = DELETE;
