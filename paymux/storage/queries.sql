-- lock_migrations (sqlite) --
-- Nothing to do: a transaction that may write holds SQLite's only write lock.
SELECT 1;

-- lock_migrations (postgres) --
-- Only one node migrates at a time; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(7261839457);

-- migration_table (sqlite) --
-- Whether the table of migrations exists. The catalogues differ by engine.
SELECT count(*) AS found FROM sqlite_master WHERE type = 'table' AND name = 'migration';

-- migration_table (postgres) --
-- Whether the table of migrations exists. The catalogues differ by engine.
SELECT count(*) AS found FROM pg_tables WHERE tablename = 'migration' AND schemaname = current_schema();

-- newest_migration --
-- The number of the newest migration.
SELECT coalesce(max(number), 0) AS number FROM migration;

-- record_migration --
-- Note that a migration was applied.
INSERT INTO migration (number, name, applied_at) VALUES (:number, :name, :applied_at);

-- facts --
-- Every fact of the installation.
SELECT name, value FROM installation;

-- clock_offset --
-- By how many milliseconds an operator moved the sandbox's clock.
SELECT value FROM installation WHERE name = 'clock_offset_ms';

-- set_fact --
-- Write one fact of the installation.
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- claim_fact --
-- Write one fact of the installation unless it is there already: of two nodes that start at once, one wins.
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING;

-- replace_fact --
-- Write one fact in place of the one that was read; another node may have been faster, then nothing changes.
UPDATE installation SET value = :value WHERE name = :name AND value = :expected;

-- grow_version --
-- Tell every node that a platform setting changed.
UPDATE installation SET value = CAST(CAST(value AS bigint) + 1 AS text) WHERE name = 'version';

-- skip_ids (sqlite) --
-- Let the ids of payments, payouts and orders go on so far behind the highest; RETURNING behind which one. SQLite's ids are given out by whoever
-- inserts, who looks here.
INSERT INTO installation (name, value)
SELECT 'ids_from', CAST(:count + max(coalesce((SELECT max(id) FROM payment), 0), coalesce((SELECT max(id) FROM payout), 0),
    coalesce((SELECT max(uid) FROM exchange_order), 0),
    coalesce((SELECT CAST(i.value AS bigint) FROM installation i WHERE i.name = 'ids_from'), 0)) AS text) WHERE true
ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value;

-- skip_ids (postgres) --
-- Let the ids of payments, payouts and orders go on so far behind the highest; behind which one. PostgreSQL's come from sequences.
SELECT greatest(setval('payment_id_seq', high.id), setval('payout_id_seq', high.id), setval('exchange_order_uid_seq', high.id)) AS value
FROM (SELECT greatest(a.last_value, b.last_value, c.last_value) + CAST(:count AS bigint) AS id
    FROM payment_id_seq a, payout_id_seq b, exchange_order_uid_seq c) high;
