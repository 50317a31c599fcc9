-- waiting_notices --
-- How many notices wait, and since when the oldest. Found through the index of waiting ones; ids are given in the order of time.
SELECT w.found, n.created_at AS oldest
FROM (SELECT count(*) AS found, min(id) AS first_id FROM notice WHERE state = 'waiting') w LEFT JOIN notice n ON n.id = w.first_id;

-- open_doubts --
-- How many attempts are unclear, and since when the oldest.
SELECT count(*) AS found, min(doubted_at) AS oldest FROM attempt WHERE state = 'unclear';

-- attention --
-- Payments that a person must look at, by reason, and since when nothing changed of the oldest.
SELECT attention AS why, count(*) AS found, min(updated_at) AS oldest FROM payment WHERE attention IS NOT NULL GROUP BY attention;

-- routes_down --
-- Which routes an operator closed for everybody; a row for each route that was ever set.
SELECT slug FROM route_setting WHERE health = 'down';

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
-- A limit, not a bound: PostgreSQL would think a third of the table to lie behind a bound that it cannot know.
SELECT max(t.at) AS at FROM (
    SELECT p.at FROM (SELECT created_at AS at FROM payment ORDER BY id DESC LIMIT 100) p
    UNION ALL SELECT f.at FROM (SELECT created_at AS at FROM transfer ORDER BY id DESC LIMIT 100) f
    UNION ALL SELECT n.at FROM (SELECT created_at AS at FROM notice ORDER BY id DESC LIMIT 100) n
) t;

-- migrated_at --
-- When the newest migration was applied, by the clock on the wall.
SELECT max(applied_at) AS at FROM migration;

-- key_ids --
-- Under which secret keys (by the id that each stored value names behind its first dot) API keys and webhook secrets lie.
SELECT s.key_id, sum(s.is_key) AS keys, sum(1 - s.is_key) AS secrets, count(DISTINCT s.merchant_id) AS merchants
FROM (
    SELECT substr(hash, 4, 8) AS key_id, 1 AS is_key, merchant_id FROM merchant_key WHERE revoked_at IS NULL
    UNION ALL SELECT substr(secret, 4, 8), 0, merchant_id FROM endpoint
) s
GROUP BY s.key_id ORDER BY s.key_id;

-- endpoints_after --
-- Where notices go, a page at a time.
SELECT id, merchant_id, shop, url, secret, enabled FROM endpoint WHERE id > :after ORDER BY id LIMIT :page;

-- merchants_after --
-- Active merchants with what they need to be paid and told, and the API of the newest payment, a page at a time.
SELECT m.id, m.name, m.wallet,
    (SELECT count(*) FROM shop s WHERE s.merchant_id = m.id AND s.status = 'approved') AS shops,
    (SELECT count(*) FROM endpoint e WHERE e.merchant_id = m.id AND e.enabled = 1 AND e.url <> '') AS endpoints,
    (SELECT p.dialect FROM payment p WHERE p.merchant_id = m.id ORDER BY p.id DESC LIMIT 1) AS newest_payment
FROM merchant m WHERE m.active = 1 AND m.id > :after ORDER BY m.id LIMIT :page;

-- refusing_receivers --
-- Receivers that did not acknowledge what they were sent, with the last answer of each.
SELECT r.merchant_id, r.found, r.oldest, r.newest, r.next_at, coalesce(e.shop, '') AS shop, coalesce(a.url, e.url) AS url, a.status, a.error
FROM (
    SELECT endpoint_id, merchant_id, count(*) AS found, min(created_at) AS oldest, max(id) AS newest, min(due_at) AS next_at
    FROM notice WHERE state = 'waiting' AND tries > 0 GROUP BY endpoint_id, merchant_id
) r
LEFT JOIN endpoint e ON e.id = r.endpoint_id
LEFT JOIN notice_answer a ON a.notice_id = r.newest AND a.number = (SELECT max(b.number) FROM notice_answer b WHERE b.notice_id = r.newest)
ORDER BY r.found DESC;

-- given_up --
-- Of the newest notices those that were given up, by merchant.
SELECT n.merchant_id, count(*) AS found FROM (SELECT merchant_id, state FROM notice ORDER BY id DESC LIMIT :among) n
WHERE n.state = 'given_up' GROUP BY n.merchant_id ORDER BY n.merchant_id;

-- unclear_attempts --
-- Attempts in doubt, the oldest first.
SELECT id, payment_id, provider, route, ask_at, asked, started_at, doubted_at FROM attempt WHERE state = 'unclear' ORDER BY doubted_at, id;

-- payouts_in_doubt --
-- Payouts of which nobody knows what became of them, the oldest first. Found among those that are still acted on.
SELECT id, provider, operation_key, asked, doubted_at FROM payout WHERE act_at IS NOT NULL AND state = 'unclear' ORDER BY doubted_at, id;

-- undone --
-- What was due some time ago and was not done: payments and orders to expire, attempts to ask about, payouts to send or to ask about,
-- notices to send that nobody is sending.
SELECT
    (SELECT count(*) FROM payment WHERE state IN ('created', 'awaiting') AND expires_at <= :due) AS expired,
    (SELECT count(*) FROM attempt WHERE ask_at <= :due) AS unasked,
    (SELECT count(*) FROM payout WHERE act_at <= :due) AS unpaid,
    (SELECT count(*) FROM exchange_order WHERE status IN ('new', 'waitPayment') AND expires_at <= :due) AS orders,
    (SELECT count(*) FROM notice n JOIN endpoint e ON e.id = n.endpoint_id AND e.enabled = 1
        WHERE n.state = 'waiting' AND n.due_at <= :due AND (n.leased_until IS NULL OR n.leased_until <= :wall)) AS unsent;

-- row_counts --
-- How many rows every table has.
SELECT 'installation' AS name, count(*) AS found FROM installation
UNION ALL SELECT 'migration', count(*) FROM migration
UNION ALL SELECT 'merchant', count(*) FROM merchant
UNION ALL SELECT 'merchant_profile', count(*) FROM merchant_profile
UNION ALL SELECT 'merchant_key', count(*) FROM merchant_key
UNION ALL SELECT 'merchant_logo', count(*) FROM merchant_logo
UNION ALL SELECT 'shop', count(*) FROM shop
UNION ALL SELECT 'endpoint', count(*) FROM endpoint
UNION ALL SELECT 'route_setting', count(*) FROM route_setting
UNION ALL SELECT 'channel_day', count(*) FROM channel_day
UNION ALL SELECT 'onward', count(*) FROM onward
UNION ALL SELECT 'payment', count(*) FROM payment
UNION ALL SELECT 'history', count(*) FROM history
UNION ALL SELECT 'attempt', count(*) FROM attempt
UNION ALL SELECT 'receipt', count(*) FROM receipt
UNION ALL SELECT 'account', count(*) FROM account
UNION ALL SELECT 'transfer', count(*) FROM transfer
UNION ALL SELECT 'notice', count(*) FROM notice
UNION ALL SELECT 'notice_answer', count(*) FROM notice_answer
UNION ALL SELECT 'sandbox_charge', count(*) FROM sandbox_charge
UNION ALL SELECT 'sandbox_callback', count(*) FROM sandbox_callback
UNION ALL SELECT 'payout', count(*) FROM payout
UNION ALL SELECT 'payout_history', count(*) FROM payout_history
UNION ALL SELECT 'sandbox_turn', count(*) FROM sandbox_turn
UNION ALL SELECT 'sandbox_remittance', count(*) FROM sandbox_remittance
UNION ALL SELECT 'sandbox_dialogue', count(*) FROM sandbox_dialogue
UNION ALL SELECT 'exchange_currency', count(*) FROM exchange_currency
UNION ALL SELECT 'exchange_direction', count(*) FROM exchange_direction
UNION ALL SELECT 'exchange_source', count(*) FROM exchange_source
UNION ALL SELECT 'exchange_quote', count(*) FROM exchange_quote
UNION ALL SELECT 'exchange_order', count(*) FROM exchange_order
UNION ALL SELECT 'exchange_history', count(*) FROM exchange_history
UNION ALL SELECT 'exchange_receipt', count(*) FROM exchange_receipt
UNION ALL SELECT 'exchange_key', count(*) FROM exchange_key
UNION ALL SELECT 'exchange_click', count(*) FROM exchange_click
UNION ALL SELECT 'sandbox_disbursement', count(*) FROM sandbox_disbursement;

-- export_snapshot (sqlite) --
-- Nothing to export: an SQLite file is copied inside its own transaction.
SELECT '' AS snapshot;

-- export_snapshot (postgres) --
-- The name of what this transaction sees, for pg_dump to see the same.
SELECT pg_export_snapshot() AS snapshot;

-- damage (sqlite) --
-- What SQLite itself finds wrong with the pages of its file.
SELECT quick_check AS fault FROM pragma_quick_check WHERE quick_check <> 'ok' LIMIT 5;

-- damage (postgres) --
-- Nothing to ask: a restored dump was just written anew.
SELECT '' AS fault WHERE false;
