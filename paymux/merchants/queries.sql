-- find_by_key --
-- Which merchant a key belongs to, whether the key still counts, and the versions that our caches are checked against.
-- rows: hash text, dialect text
SELECT r.hash, r.dialect, m.id, m.version, k.revoked_at, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform
FROM {rows} r JOIN merchant_key k ON k.hash = r.hash AND k.dialect = r.dialect JOIN merchant m ON m.id = k.merchant_id;

-- find_by_id --
-- The versions of merchants, to check caches against.
-- rows: id bigint
SELECT m.id, m.version, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform
FROM {rows} r JOIN merchant m ON m.id = r.id;

-- load_merchants --
-- Merchants by id.
-- rows: id bigint
SELECT m.*, (SELECT l.name FROM merchant_logo l WHERE l.merchant_id = m.id) AS logo FROM {rows} r JOIN merchant m ON m.id = r.id;

-- load_shops --
-- The shops of merchants.
-- rows: merchant_id bigint
SELECT s.merchant_id, s.domain, s.status FROM {rows} r JOIN shop s ON s.merchant_id = r.merchant_id;

-- load_profiles --
-- What dialects keep of merchants.
-- rows: merchant_id bigint
SELECT f.merchant_id, f.dialect, f.code, f.profile FROM {rows} r JOIN merchant_profile f ON f.merchant_id = r.merchant_id;

-- put_profile --
-- Set what a dialect keeps of a merchant.
INSERT INTO merchant_profile (merchant_id, dialect, code, profile) VALUES (:merchant_id, :dialect, :code, :profile)
ON CONFLICT (merchant_id, dialect) DO UPDATE SET code = excluded.code, profile = excluded.profile;

-- route_settings --
-- What an operator set for routes.
SELECT slug, health, priority FROM route_setting;

-- set_route --
-- Set a route's health and priority.
INSERT INTO route_setting (slug, health, priority, updated_at) VALUES (:slug, :health, :priority, :updated_at)
ON CONFLICT (slug) DO UPDATE SET health = excluded.health, priority = excluded.priority, updated_at = excluded.updated_at;

-- insert_merchant --
-- A new merchant; RETURNING its id.
INSERT INTO merchant (name, email, plan, active, country, currency, wallet, smart_routing, methods_off, policy, version, created_at, updated_at)
VALUES (:name, :email, :plan, 1, :country, :currency, :wallet, 1, '[]', '{}', 1, :created_at, :created_at) RETURNING id;

-- insert_merchant_as --
-- A merchant of a fixture, with the id that the contract's examples give it.
INSERT INTO merchant (id, name, email, plan, active, country, currency, wallet, smart_routing, methods_off, policy, version, created_at, updated_at)
VALUES (:id, :name, :email, :plan, 1, :country, :currency, :wallet, 1, '[]', '{}', 1, :created_at, :created_at)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- raise_merchant_ids (sqlite) --
-- Nothing to do: SQLite's next id is the highest plus one.
SELECT 1;

-- raise_merchant_ids (postgres) --
-- The sequence goes on after the highest id.
SELECT setval('merchant_id_seq', (SELECT max(id) FROM merchant));

-- insert_key --
-- A key of a merchant, by its hash; one that the merchant has already counts again. RETURNING nothing if it is another's.
INSERT INTO merchant_key (hash, merchant_id, dialect, created_at, revoked_at) VALUES (:hash, :merchant_id, :dialect, :created_at, NULL)
ON CONFLICT (hash) DO UPDATE SET revoked_at = NULL
    WHERE merchant_key.merchant_id = excluded.merchant_id AND merchant_key.dialect = excluded.dialect
RETURNING hash;

-- revoke_keys --
-- Every key of a merchant stops counting at a moment, or earlier if that was decided before.
UPDATE merchant_key SET revoked_at = :revoked_at
WHERE merchant_id = :merchant_id AND dialect = :dialect AND (revoked_at IS NULL OR revoked_at > :revoked_at);

-- put_shop --
-- Register a shop, or change its status.
INSERT INTO shop (merchant_id, domain, status, created_at) VALUES (:merchant_id, :domain, :status, :created_at)
ON CONFLICT (merchant_id, domain) DO UPDATE SET status = excluded.status;

-- change_merchant --
-- Write the fields of a merchant that people may change; the version tells every node.
UPDATE merchant SET plan = :plan, active = :active, country = :country, wallet = :wallet, smart_routing = :smart_routing,
    methods_off = :methods_off, policy = :policy, version = version + 1, updated_at = :updated_at WHERE id = :id;

-- touch_merchant --
-- Something beside the merchant's row changed: its shops or keys.
UPDATE merchant SET version = version + 1, updated_at = :updated_at WHERE id = :id;

-- list_merchants --
-- Merchants, a page at a time.
SELECT id, name, email, plan, active FROM merchant WHERE id > :after ORDER BY id LIMIT :page;

-- endpoints_of --
-- Where a merchant's notices go.
SELECT * FROM endpoint WHERE merchant_id = :merchant_id ORDER BY shop;

-- put_endpoint --
-- Set where notices go; RETURNING the endpoint's id.
INSERT INTO endpoint (merchant_id, shop, url, secret, previous_secret, previous_until, enabled, created_at, updated_at)
VALUES (:merchant_id, :shop, :url, :secret, NULL, NULL, 1, :now, :now)
ON CONFLICT (merchant_id, shop) DO UPDATE SET url = excluded.url, secret = excluded.secret, enabled = 1, updated_at = excluded.updated_at
RETURNING id;

-- profiles_by_code --
-- Merchants by the code that a dialect gives them.
-- rows: dialect text, code text
SELECT p.merchant_id, p.dialect, p.code, p.profile, m.active, m.created_at
FROM {rows} r JOIN merchant_profile p ON p.dialect = r.dialect AND p.code = r.code JOIN merchant m ON m.id = p.merchant_id;

-- profiles_by_merchant --
-- What dialects keep of merchants.
-- rows: merchant_id bigint, dialect text
SELECT p.merchant_id, p.dialect, p.code, p.profile, m.active, m.created_at
FROM {rows} r JOIN merchant_profile p ON p.merchant_id = r.merchant_id AND p.dialect = r.dialect JOIN merchant m ON m.id = p.merchant_id;

-- put_profiles --
-- Write what a dialect keeps of merchants.
-- rows: merchant_id bigint, dialect text, code text, profile text
INSERT INTO merchant_profile (merchant_id, dialect, code, profile) SELECT merchant_id, dialect, code, profile FROM {rows} r WHERE true
ON CONFLICT (merchant_id, dialect) DO UPDATE SET code = excluded.code, profile = excluded.profile;

-- put_logo --
-- Set a merchant's logo.
INSERT INTO merchant_logo (merchant_id, name, image, updated_at) VALUES (:merchant_id, :name, :image, :updated_at)
ON CONFLICT (merchant_id) DO UPDATE SET name = excluded.name, image = excluded.image, updated_at = excluded.updated_at;

-- drop_logo --
-- Remove a merchant's logo.
DELETE FROM merchant_logo WHERE merchant_id = :merchant_id;

-- logos_named --
-- Pictures by name; two merchants may have the same one.
-- rows: name text
SELECT l.name, min(l.image) AS image FROM {rows} r JOIN merchant_logo l ON l.name = r.name GROUP BY l.name;

-- open_days --
-- What capped channels have accepted today, each locked until the transaction ends; the first look of a day begins it at nothing.
-- A node whose clock is behind at midnight counts towards the day that has begun.
-- rows: merchant_id bigint, channel text, day bigint
INSERT INTO channel_day (merchant_id, channel, day, units) SELECT merchant_id, channel, day, 0 FROM {rows} r WHERE true
ON CONFLICT (merchant_id, channel) DO UPDATE SET units = CASE WHEN excluded.day > channel_day.day THEN 0 ELSE channel_day.units END,
    day = CASE WHEN excluded.day > channel_day.day THEN excluded.day ELSE channel_day.day END
RETURNING merchant_id, channel, day, units;

-- count_units --
-- Move what channels have accepted in their day; a day that is over is left alone.
-- rows: merchant_id bigint, channel text, day bigint, units bigint
UPDATE channel_day SET units = channel_day.units + r.units FROM {rows} r
WHERE channel_day.merchant_id = r.merchant_id AND channel_day.channel = r.channel AND channel_day.day = r.day;

-- lock_days (sqlite) --
-- The days of channels. Differs because PostgreSQL locks the rows.
-- rows: merchant_id bigint, channel text
SELECT d.day FROM {rows} r JOIN channel_day d ON d.merchant_id = r.merchant_id AND d.channel = r.channel;

-- lock_days (postgres) --
-- The days of channels, locked in sorted order.
-- rows: merchant_id bigint, channel text
SELECT d.day FROM {rows} r JOIN channel_day d ON d.merchant_id = r.merchant_id AND d.channel = r.channel
ORDER BY d.merchant_id, d.channel FOR UPDATE OF d;

-- days_of --
-- What the capped channels of merchants have accepted in a day.
-- rows: merchant_id bigint, day bigint
SELECT d.merchant_id, d.channel, d.units FROM {rows} r JOIN channel_day d ON d.merchant_id = r.merchant_id AND d.day >= r.day;
