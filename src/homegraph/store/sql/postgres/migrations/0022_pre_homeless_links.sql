-- Nothing: link_by_agent_user has this order here. SQLite's has the state before the user.

SELECT 1;
