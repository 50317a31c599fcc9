-- exchange_version --
-- The version that grows with every change of the exchange's setup.
SELECT value FROM installation WHERE name = 'version';

-- all_currencies --
-- Every currency of the exchange.
SELECT code, profile FROM exchange_currency ORDER BY code;

-- all_directions --
-- Every direction of the exchange.
SELECT id, from_code, to_code, profile FROM exchange_direction ORDER BY from_code, to_code;

-- put_currency --
-- Add a currency, or change its profile.
INSERT INTO exchange_currency (code, profile, updated_at) VALUES (:code, :profile, :now)
ON CONFLICT (code) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at;

-- put_direction --
-- Add a direction, or change its profile; its two currencies stay.
INSERT INTO exchange_direction (id, from_code, to_code, profile, updated_at) VALUES (:id, :from_code, :to_code, :profile, :now)
ON CONFLICT (id) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at;

-- inventories --
-- What the inventory has of every currency.
SELECT a.currency, a.balance FROM account a WHERE a.merchant_id = 0 AND a.kind = 'inventory' AND a.balance IS NOT NULL;

-- used_transfer --
-- Whether a transfer of this key was posted.
SELECT count(*) AS found FROM transfer WHERE key = :key;

-- next_uids (sqlite) --
-- The next dense order numbers; the only writer holds the lock, so the highest one cannot change meanwhile.
SELECT max(coalesce((SELECT max(uid) FROM exchange_order), 0), coalesce((SELECT CAST(i.value AS bigint) FROM installation i WHERE i.name = 'ids_from'), 0)) AS last
WHERE :count > 0;

-- next_uids (postgres) --
-- The next dense order numbers, from the sequence.
SELECT nextval('exchange_order_uid_seq') AS uid FROM generate_series(1, CAST(:count AS bigint)) ORDER BY uid;

-- insert_orders --
-- New orders.
-- rows: uid bigint, id text, rid text, secret text, merchant_id bigint, direction_id text, from_code text, to_code text, in_units bigint, out_units bigint, fee_units bigint, rounding_units bigint, commission_units bigint, status text, details text, ipn_secret text, created_at bigint, expires_at bigint, partner text
INSERT INTO exchange_order (uid, id, rid, secret, merchant_id, direction_id, from_code, to_code, in_units, out_units, fee_units, rounding_units,
    commission_units, received_units, reserved_units, status, version, payout, operation_key, asked, act_at, txid, details, ipn_secret,
    created_at, expires_at, updated_at, partner)
SELECT uid, id, rid, secret, merchant_id, direction_id, from_code, to_code, in_units, out_units, fee_units, rounding_units, commission_units,
    0, 0, status, 1, 'none', NULL, 0, NULL, NULL, details, ipn_secret, created_at, expires_at, created_at, partner
FROM {rows} r WHERE true ORDER BY uid;

-- insert_histories --
-- History rows of orders.
-- rows: order_uid bigint, version bigint, merchant_id bigint, from_status text, to_status text, actor text, why text, happened_at bigint, learned_at bigint
INSERT INTO exchange_history (order_uid, version, merchant_id, from_status, to_status, actor, why, happened_at, learned_at)
SELECT order_uid, version, merchant_id, from_status, to_status, actor, why, happened_at, learned_at FROM {rows} r WHERE true;

-- find_orders --
-- Orders by their numbers.
-- rows: uid bigint
SELECT o.* FROM {rows} r JOIN exchange_order o ON o.uid = r.uid;

-- find_ids --
-- The numbers of orders by their ids.
-- rows: id text
SELECT o.uid, o.id FROM {rows} r JOIN exchange_order o ON o.id = r.id;

-- lock_exchange_orders (sqlite) --
-- Orders to be changed. Differs because PostgreSQL locks the rows.
-- rows: uid bigint
SELECT o.* FROM {rows} r JOIN exchange_order o ON o.uid = r.uid;

-- lock_exchange_orders (postgres) --
-- Orders to be changed, locked in sorted order until the transaction ends.
-- rows: uid bigint
SELECT o.* FROM {rows} r JOIN exchange_order o ON o.uid = r.uid ORDER BY o.uid FOR NO KEY UPDATE OF o;

-- change_orders --
-- What a change leaves of orders.
-- rows: uid bigint, in_units bigint, out_units bigint, fee_units bigint, rounding_units bigint, commission_units bigint, received_units bigint, reserved_units bigint, late_units bigint, status text, version bigint, payout text, operation_key text, asked bigint, act_at bigint, txid text, details text, merchant_id bigint, expires_at bigint
UPDATE exchange_order SET in_units = r.in_units, out_units = r.out_units, fee_units = r.fee_units, rounding_units = r.rounding_units,
    commission_units = r.commission_units, received_units = r.received_units, reserved_units = r.reserved_units,
    late_units = r.late_units, status = r.status, version = r.version, payout = r.payout, operation_key = r.operation_key, asked = r.asked, act_at = r.act_at, txid = r.txid,
    details = r.details, merchant_id = r.merchant_id, expires_at = r.expires_at, updated_at = :now
FROM {rows} r WHERE exchange_order.uid = r.uid;

-- known_references --
-- Which receipts were counted before, and for which orders.
-- rows: reference text
SELECT c.reference, c.order_uid FROM {rows} r JOIN exchange_receipt c ON c.reference = r.reference;

-- insert_receipts --
-- Money that came.
-- rows: reference text, order_uid bigint, units bigint, learned_at bigint
INSERT INTO exchange_receipt (reference, order_uid, units, learned_at) SELECT reference, order_uid, units, learned_at FROM {rows} r WHERE true;

-- overdue_orders --
-- Unpaid orders whose time is over.
SELECT uid FROM exchange_order WHERE status IN ('new', 'waitPayment') AND expires_at <= :now ORDER BY expires_at LIMIT :batch;

-- due_payouts (sqlite) --
-- Payouts to be sent or asked about. Differs because PostgreSQL skips what another node holds.
SELECT o.* FROM exchange_order o WHERE o.act_at IS NOT NULL AND o.act_at <= :now ORDER BY o.act_at LIMIT :batch;

-- due_payouts (postgres) --
-- Payouts to be sent or asked about, without those that another node holds.
SELECT o.* FROM exchange_order o WHERE o.act_at IS NOT NULL AND o.act_at <= :now ORDER BY o.act_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED;

-- held_since --
-- Since when orders are on hold.
-- rows: uid bigint
SELECT h.order_uid, max(h.learned_at) AS since FROM {rows} r JOIN exchange_history h ON h.order_uid = r.uid
WHERE h.to_status = 'hold' AND h.from_status <> 'hold' GROUP BY h.order_uid;

-- orders_of_merchant --
-- A page of a merchant's orders, the newest first; all statuses where :every is 1.
-- rows: status text
SELECT o.* FROM exchange_order o
WHERE o.merchant_id = :merchant_id AND (:every = 1 OR (CASE WHEN o.status IN ('new', 'waitPayment') AND o.expires_at <= :now THEN 'deleted'
    ELSE o.status END) IN (SELECT s.status FROM {rows} s))
ORDER BY o.uid DESC LIMIT :page OFFSET :skip;

-- count_orders --
-- How many orders of a merchant there are in some statuses.
-- rows: status text
SELECT count(*) AS found FROM exchange_order o
WHERE o.merchant_id = :merchant_id AND (:every = 1 OR (CASE WHEN o.status IN ('new', 'waitPayment') AND o.expires_at <= :now THEN 'deleted'
    ELSE o.status END) IN (SELECT s.status FROM {rows} s));

-- latest_orders --
-- The newest finished orders, for showing that the exchange lives.
SELECT o.* FROM exchange_order o WHERE o.status = 'done' ORDER BY o.uid DESC LIMIT :page;

-- waiting_orders --
-- Orders that wait for a person; also ended ones for which more money came.
SELECT o.* FROM exchange_order o
WHERE (o.status IN ('inProgress', 'inProgressPayout', 'errorPayment', 'errorPayout', 'hold') OR o.late_units > 0) ORDER BY o.uid DESC LIMIT :page;

-- history_of_order --
-- Everything that happened to an order.
SELECT * FROM exchange_history WHERE order_uid = :uid ORDER BY version;

-- transfers_of_order --
-- Everything that an order moved in the books.
SELECT t.id, t.reason, t.amount_units, d.kind AS debit, c.kind AS credit, d.currency, t.event_at
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id WHERE t.order_uid = :uid ORDER BY t.id;

-- notices_of_order --
-- Every notice of an order.
SELECT id, word, url, body, state, tries, created_at, ended_at FROM notice WHERE order_uid = :uid ORDER BY id;

-- put_exchange_key --
-- Add a key pair; one that is there stays as it is.
INSERT INTO exchange_key (key, merchant_id, secret, operator, addresses, last_time, created_at, revoked_at)
VALUES (:key, :merchant_id, :secret, :operator, :addresses, '0', :now, NULL) ON CONFLICT (key) DO NOTHING;

-- find_keys --
-- Key pairs by their key.
-- rows: key text
SELECT k.*, m.active, p.profile FROM {rows} r JOIN exchange_key k ON k.key = r.key JOIN merchant m ON m.id = k.merchant_id
LEFT JOIN merchant_profile p ON p.merchant_id = k.merchant_id AND p.dialect = 'exchanger';

-- lock_keys (sqlite) --
-- Key pairs whose time is to move. Differs because PostgreSQL locks the rows.
-- rows: key text
SELECT k.key, k.last_time FROM {rows} r JOIN exchange_key k ON k.key = r.key;

-- lock_keys (postgres) --
-- Key pairs whose time is to move, locked in sorted order.
-- rows: key text
SELECT k.key, k.last_time FROM {rows} r JOIN exchange_key k ON k.key = r.key ORDER BY k.key FOR NO KEY UPDATE OF k;

-- move_times --
-- The newest accepted time of keys.
-- rows: key text, last_time text
UPDATE exchange_key SET last_time = r.last_time FROM {rows} r WHERE exchange_key.key = r.key;

-- lock_owner (sqlite) --
-- The merchant who gets a key. Differs because PostgreSQL locks the row.
SELECT m.id FROM merchant m WHERE m.id = :merchant_id;

-- lock_owner (postgres) --
-- The merchant who gets a key, locked so that its keys are counted by one at a time.
SELECT m.id FROM merchant m WHERE m.id = :merchant_id FOR NO KEY UPDATE OF m;

-- keys_of_merchant --
-- A merchant's keys that count.
SELECT k.*, NULL AS profile FROM exchange_key k WHERE k.merchant_id = :merchant_id AND k.revoked_at IS NULL ORDER BY k.created_at, k.key;

-- revoke_exchange_key --
-- A key stops counting; RETURNING it if it did until now.
UPDATE exchange_key SET revoked_at = :now WHERE key = :key AND merchant_id = :merchant_id AND revoked_at IS NULL RETURNING key;

-- find_partners --
-- Which partner codes are known.
-- rows: code text
SELECT p.code FROM {rows} r JOIN merchant_profile p ON p.dialect = 'exchanger' AND p.code = r.code;

-- lock_partner (sqlite) --
-- A partner by its code. Differs because PostgreSQL locks the row.
SELECT p.merchant_id, p.profile FROM merchant_profile p WHERE p.dialect = 'exchanger' AND p.code = :code;

-- lock_partner (postgres) --
-- A partner by its code, locked until the transaction ends.
SELECT p.merchant_id, p.profile FROM merchant_profile p WHERE p.dialect = 'exchanger' AND p.code = :code FOR NO KEY UPDATE OF p;

-- active_member --
-- What the exchange keeps of a merchant who is active.
SELECT p.code, p.profile FROM merchant_profile p JOIN merchant m ON m.id = p.merchant_id
WHERE p.merchant_id = :merchant_id AND p.dialect = 'exchanger' AND m.active = 1;

-- partner_money --
-- What a partner earned and was paid, by currency; :kind is the partner's commission account.
SELECT a.currency,
    CAST(coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.credit_id = a.id), 0) AS bigint) AS earned,
    CAST(coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.debit_id = a.id), 0) AS bigint) AS paid
FROM account a WHERE a.merchant_id = 0 AND a.kind = :kind ORDER BY a.currency;

-- orders_of_partner --
-- The newest orders of a partner's clients.
SELECT o.* FROM exchange_order o
WHERE o.partner = :code AND o.created_at >= :since AND o.created_at < :until ORDER BY o.uid DESC LIMIT :page;

-- earned_by_orders --
-- What the partner earned with orders, by order.
-- rows: uid bigint
SELECT t.order_uid, t.amount_units AS units FROM {rows} r JOIN transfer t ON t.order_uid = r.uid WHERE t.reason = 'exchange.commission';

-- insert_clicks --
-- Visits that partners' links brought.
-- rows: code text, browser text, network text, referrer text, query text, visitor text, clicked_at bigint
INSERT INTO exchange_click (code, browser, network, referrer, query, visitor, clicked_at)
SELECT code, browser, network, referrer, query, visitor, clicked_at FROM {rows} r WHERE true;

-- clicks_of_partner --
-- The newest visits that a partner's links brought.
SELECT c.* FROM exchange_click c
WHERE c.code = :code AND c.clicked_at >= :since AND c.clicked_at < :until ORDER BY c.clicked_at DESC LIMIT :page;

-- forget_clicks --
-- Old visits go, the oldest first, a bounded number at a time.
DELETE FROM exchange_click WHERE id < (SELECT min(c.id) FROM exchange_click c) + :batch AND clicked_at < :before;

-- put_member --
-- What the exchange keeps of a merchant: its partner code and its settings.
INSERT INTO merchant_profile (merchant_id, dialect, code, profile) VALUES (:merchant_id, 'exchanger', :code, :profile)
ON CONFLICT (merchant_id, dialect) DO UPDATE SET profile = excluded.profile;

-- member --
-- What the exchange keeps of a merchant.
SELECT code, profile FROM merchant_profile WHERE merchant_id = :merchant_id AND dialect = 'exchanger';
