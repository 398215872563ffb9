-- list_notifications --
-- Notifications of all projects, newest first, older than one of them.
SELECT notification_id, project_id, agent_user_id, device_id, trait, event_id, received_at, body
FROM notification
WHERE notification_id < $1
ORDER BY notification_id DESC
LIMIT $2;

-- list_notifications_of_project --
-- Notifications of a project, newest first, older than one of them.
SELECT notification_id, project_id, agent_user_id, device_id, trait, event_id, received_at, body
FROM notification
WHERE project_id = $1 AND notification_id < $2
ORDER BY notification_id DESC
LIMIT $3;

-- list_notifications_of_agent_user --
-- Notifications of an agent user, newest first, older than one of them.
SELECT notification_id, project_id, agent_user_id, device_id, trait, event_id, received_at, body
FROM notification
WHERE project_id = $1 AND agent_user_id = $2 AND notification_id < $3
ORDER BY notification_id DESC
LIMIT $4;

-- insert_notification --
-- Record notifications.
INSERT INTO notification (notification_id, project_id, agent_user_id, device_id, trait, event_id, received_at, body)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::bytea[]
);

-- measure_notifications --
-- First and last number of the journal of notifications; null when it is empty.
SELECT (SELECT min(seq) FROM notification), (SELECT max(seq) FROM notification);

-- find_notification_young --
-- Number of the first of the oldest notifications that is not older than a time; null when all of those looked at are.
SELECT min(seq) FROM (SELECT seq, received_at FROM notification ORDER BY seq LIMIT $2) AS oldest WHERE received_at >= $1;

-- delete_notifications --
-- Drop the notifications before a number.
DELETE FROM notification WHERE seq < $1;
