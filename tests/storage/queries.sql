-- echo --
-- The batch as it came, and two scalars, one of them twice.
-- rows: place bigint, word text
SELECT place, word, CAST(:number AS bigint) AS number, CAST(:text AS text) AS text, CAST(:number AS bigint) AS again FROM {rows} r ORDER BY place;

-- twice --
-- The batch beside itself.
-- rows: number bigint
SELECT a.number AS one, b.number AS other FROM {rows} a JOIN {rows} b ON b.number = a.number + 1 ORDER BY a.number;

-- engine (sqlite) --
-- Which engine this is.
SELECT 'sqlite' AS name;

-- engine (postgres) --
-- Which engine this is.
SELECT 'postgres' AS name;

-- end_myself (sqlite) --
-- Nothing to do: there is no connection to lose.
SELECT 1;

-- end_myself (postgres) --
-- The server ends this very connection.
SELECT pg_terminate_backend(pg_backend_pid());

-- end_myself_with (sqlite) --
-- Nothing to do: there is no connection to lose.
-- rows: word text
SELECT word FROM {rows} r;

-- end_myself_with (postgres) --
-- The server ends this very connection.
-- rows: word text
SELECT pg_terminate_backend(pg_backend_pid()), word FROM {rows} r;

-- put_fact --
-- A fact for tests; the same name twice breaks the table's rule.
INSERT INTO installation (name, value) VALUES (:name, :value);

-- put_facts --
-- Facts for tests.
-- rows: name text, value text
INSERT INTO installation (name, value) SELECT name, value FROM {rows} r WHERE true;

-- put_returned --
-- Facts for tests; RETURNING their names.
-- rows: name text, value text
INSERT INTO installation (name, value) SELECT name, value FROM {rows} r WHERE true RETURNING name;

-- add_one --
-- Count in a fact.
UPDATE installation SET value = CAST(CAST(value AS bigint) + 1 AS text) WHERE name = 'count';

-- lock_count (sqlite) --
-- Nothing to do: one writer.
SELECT 1;

-- lock_count (postgres) --
-- Hold the fact until the transaction ends.
SELECT value FROM installation WHERE name = 'count' FOR UPDATE;

-- set_count --
-- Write the fact.
UPDATE installation SET value = :value WHERE name = 'count';
