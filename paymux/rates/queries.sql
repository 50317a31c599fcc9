-- all_quotes --
-- What every source last said.
SELECT source, rate, quoted_at, fault, looked_at FROM exchange_quote;

-- put_quote --
-- What a look came to.
INSERT INTO exchange_quote (source, rate, quoted_at, fault, looked_at) VALUES (:source, :rate, :quoted_at, :fault, :looked_at)
ON CONFLICT (source) DO UPDATE SET rate = excluded.rate, quoted_at = excluded.quoted_at, fault = excluded.fault, looked_at = excluded.looked_at;

-- forget_quote --
-- A source is believed anew.
DELETE FROM exchange_quote WHERE source = :source;

-- all_sources --
-- Every source that an operator set up.
SELECT name, profile FROM exchange_source ORDER BY name;

-- lock_sources (sqlite) --
-- Every source that an operator set up. Differs because PostgreSQL locks the rows.
SELECT name, profile FROM exchange_source ORDER BY name;

-- lock_sources (postgres) --
-- Every source that an operator set up; who changes one meanwhile waits.
SELECT name, profile FROM exchange_source ORDER BY name FOR SHARE;

-- put_source --
-- Add a source, or change it.
INSERT INTO exchange_source (name, profile, updated_at) VALUES (:name, :profile, :now)
ON CONFLICT (name) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at;
