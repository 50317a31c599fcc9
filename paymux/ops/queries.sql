-- waiting_notices --
-- How many notices wait, and since when the oldest. Found through the index of waiting ones; ids are given in the order of time.
SELECT w.found, n.created_at AS oldest
FROM (SELECT count(*) AS found, min(id) AS first_id FROM notice WHERE state = 'waiting') w LEFT JOIN notice n ON n.id = w.first_id;

-- open_doubts --
-- How many attempts are unclear, and since when the oldest. The list of states is the one of the index: SQLite finds it no other way.
SELECT count(*) FILTER (WHERE state = 'unclear') AS found, min(doubted_at) FILTER (WHERE state = 'unclear') AS oldest
FROM attempt WHERE state IN ('started', 'handed_over', 'pending', 'unclear');

-- attention --
-- Payments that a person must look at, by reason, and since when nothing changed of the oldest.
SELECT attention AS why, count(*) AS found, min(updated_at) AS oldest FROM payment WHERE attention IS NOT NULL GROUP BY attention;

-- server_settings (sqlite) --
-- Nothing to ask: what a commit on SQLite survives is set by whoever connects.
SELECT '' AS name, '' AS setting WHERE false;

-- server_settings (postgres) --
-- What decides whether a commit survives a crash, whether writes are taken, and where the data lies (told to privileged roles only).
SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'in_hot_standby', 'default_transaction_read_only', 'data_directory');

-- server_time (sqlite) --
-- SQLite runs on our own clock, so there is nothing to compare.
SELECT 0 AS at;

-- server_time (postgres) --
-- The server's clock. Only here it is read in SQL: it is what this question is about.
SELECT CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint) AS at;

-- newest_times --
-- The latest moment of the newest rows: rows are written in the order of time, so none can be from the future.
SELECT max(t.at) AS at FROM (
    SELECT created_at AS at FROM payment WHERE id > (SELECT max(id) - 100 FROM payment)
    UNION ALL SELECT created_at FROM transfer WHERE id > (SELECT max(id) - 100 FROM transfer)
    UNION ALL SELECT created_at FROM notice WHERE id > (SELECT max(id) - 100 FROM notice)
) t;

-- migrated_at --
-- When the newest migration was applied, by the clock on the wall.
SELECT max(applied_at) AS at FROM migration;
