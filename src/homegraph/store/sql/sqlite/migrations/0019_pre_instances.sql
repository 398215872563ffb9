-- Nothing: who owns a file is its only instance. PostgreSQL keeps a table of them.

SELECT 1;
