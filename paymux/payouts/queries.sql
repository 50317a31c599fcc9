-- next_ids (sqlite) --
-- The next payout ids; the only writer holds the lock, so the highest one cannot change meanwhile.
SELECT max(coalesce((SELECT max(id) FROM payout), 0), coalesce((SELECT CAST(i.value AS bigint) FROM installation i WHERE i.name = 'ids_from'), 0)) AS last
WHERE :count > 0;

-- next_ids (postgres) --
-- The next payout ids, from the sequence: two lanes never wait for each other here.
SELECT nextval('payout_id_seq') AS id FROM generate_series(1, CAST(:count AS bigint)) ORDER BY id;

-- taken_references --
-- Which references are taken.
-- rows: dialect text, reference text
SELECT p.dialect, p.reference FROM {rows} r JOIN payout p ON p.dialect = r.dialect AND p.reference = r.reference;

-- insert_payouts --
-- Insert accepted payouts; one whose reference another lane took meanwhile is left out.
-- rows: id bigint, merchant_id bigint, dialect text, reference text, amount_units bigint, fee_units bigint, currency text, method text, operation_key text, provider text, details text, callback_url text, act_at bigint, created_at bigint, payment_id bigint
INSERT INTO payout (id, merchant_id, dialect, reference, amount_units, fee_units, currency, method, state, version, operation_key, provider,
    provider_ref, reason, details, callback_url, asked, act_at, doubted_at, created_at, sent_at, ended_at, updated_at, payment_id)
SELECT id, merchant_id, dialect, reference, amount_units, fee_units, currency, method, 'accepted', 1, operation_key, provider,
    NULL, NULL, details, callback_url, 0, act_at, NULL, created_at, NULL, NULL, created_at, payment_id
FROM {rows} r WHERE true ORDER BY dialect, reference
ON CONFLICT (dialect, reference) DO NOTHING RETURNING id;

-- lock_payouts (sqlite) --
-- Payouts by id. Differs because PostgreSQL locks the rows.
-- rows: id bigint
SELECT p.* FROM {rows} r JOIN payout p ON p.id = r.id;

-- lock_payouts (postgres) --
-- Payouts by id, locked in sorted order.
-- rows: id bigint
SELECT p.* FROM {rows} r JOIN payout p ON p.id = r.id ORDER BY p.id FOR UPDATE OF p;

-- save_payouts --
-- Write what a change alters, guarded by the version that was read.
-- rows: id bigint, read_version bigint, state text, version bigint, provider_ref text, reason text, act_at bigint, doubted_at bigint, sent_at bigint, ended_at bigint, updated_at bigint
UPDATE payout SET state = r.state, version = r.version, provider_ref = r.provider_ref, reason = r.reason, act_at = r.act_at,
    doubted_at = r.doubted_at, sent_at = r.sent_at, ended_at = r.ended_at, updated_at = r.updated_at
FROM {rows} r WHERE payout.id = r.id AND payout.version = r.read_version
RETURNING payout.id;

-- insert_payout_history --
-- Append to histories.
-- rows: payout_id bigint, version bigint, merchant_id bigint, event text, from_state text, to_state text, source text, why text, happened_at bigint, learned_at bigint
INSERT INTO payout_history (payout_id, version, merchant_id, event, from_state, to_state, source, why, happened_at, learned_at)
SELECT payout_id, version, merchant_id, event, from_state, to_state, source, why, happened_at, learned_at FROM {rows} r WHERE true;

-- claim_acts (sqlite) --
-- Take payouts that are due to be sent or asked about, and put them off, so that nobody else takes them meanwhile. SQLite has one writer.
UPDATE payout SET act_at = :again_at, asked = asked + 1
WHERE id IN (SELECT id FROM payout WHERE act_at <= :now ORDER BY act_at LIMIT :batch)
RETURNING *;

-- claim_acts (postgres) --
-- Take payouts that are due to be sent or asked about, and put them off; rows that another node is taking are passed over.
-- An array, so that the rows are chosen once and then found by their ids, whatever the planner thinks of the limit.
UPDATE payout SET act_at = :again_at, asked = asked + 1
WHERE id = ANY (ARRAY(SELECT id FROM payout WHERE act_at <= :now ORDER BY act_at LIMIT :batch FOR UPDATE SKIP LOCKED))
RETURNING *;

-- any_act --
-- One payout that is due, unlocked.
SELECT id FROM payout WHERE act_at <= :now ORDER BY act_at LIMIT 1;

-- put_off --
-- When to ask about payouts again; one that has ended since is left alone.
-- rows: id bigint, act_at bigint
UPDATE payout SET act_at = r.act_at FROM {rows} r WHERE payout.id = r.id AND payout.ended_at IS NULL;

-- payouts_by_reference --
-- Payouts by the names that an API gives them.
-- rows: dialect text, reference text
SELECT p.* FROM {rows} r JOIN payout p ON p.dialect = r.dialect AND p.reference = r.reference;

-- refunds_of_payment --
-- The refunds of a payment, newest first.
SELECT * FROM payout WHERE payment_id = :payment_id ORDER BY id DESC LIMIT :page;

-- payouts_created --
-- A merchant's payouts of one API that were accepted in a time, refunds left out, newest first and a page at a time.
SELECT * FROM payout WHERE merchant_id = :merchant_id AND dialect = :dialect AND payment_id IS NULL
    AND created_at >= :since AND (created_at, id) < (:before_at, :before_id) ORDER BY created_at DESC, id DESC LIMIT :page;

-- payouts_after --
-- What is stored of payouts, a page at a time.
SELECT id, merchant_id, payment_id, dialect, state, version, amount_units, fee_units, currency, act_at, ended_at FROM payout
WHERE id > :after ORDER BY id LIMIT :page;

-- histories_between --
-- The histories of some payouts, in order.
SELECT payout_id, version, merchant_id, event, from_state, to_state FROM payout_history
WHERE payout_id > :after AND payout_id <= :up_to ORDER BY payout_id, version;

-- transfers_between --
-- What was posted for some payouts, by reason and currency.
SELECT t.payout_id, t.merchant_id, t.reason, a.currency, CAST(sum(t.amount_units) AS bigint) AS units
FROM transfer t JOIN account a ON a.id = t.debit_id
WHERE t.payout_id > :after AND t.payout_id <= :up_to GROUP BY t.payout_id, t.merchant_id, t.reason, a.currency;

-- notices_between --
-- The words that shops were told of some payouts.
SELECT payout_id, merchant_id, word FROM notice WHERE payout_id > :after AND payout_id <= :up_to;

-- put_onward --
-- Note where the money of payments goes on to.
-- rows: payment_id bigint, method text, provider text, fee_units bigint, details text
INSERT INTO onward (payment_id, method, provider, fee_units, details) SELECT payment_id, method, provider, fee_units, details FROM {rows} r WHERE true;

-- any_onward --
-- One payment that has ended and whose money was to go on. Only what is under way has a row here, so there are few; the join is written so
-- that SQLite begins with them.
SELECT o.payment_id FROM onward o CROSS JOIN payment p
WHERE p.id = o.payment_id AND p.state NOT IN ('created', 'awaiting', 'pending', 'unclear', 'review') LIMIT 1;

-- claim_onward (sqlite) --
-- Payments that have ended and whose money was to go on. SQLite has one writer.
SELECT o.payment_id, o.method, o.provider, o.fee_units, o.details, p.merchant_id, p.dialect, p.reference, p.currency, p.payable_units
FROM onward o CROSS JOIN payment p
WHERE p.id = o.payment_id AND p.state NOT IN ('created', 'awaiting', 'pending', 'unclear', 'review') ORDER BY o.payment_id LIMIT :batch;

-- claim_onward (postgres) --
-- Payments that have ended and whose money was to go on; rows that another node is taking are passed over.
SELECT o.payment_id, o.method, o.provider, o.fee_units, o.details, p.merchant_id, p.dialect, p.reference, p.currency, p.payable_units
FROM onward o JOIN payment p ON p.id = o.payment_id
WHERE p.state NOT IN ('created', 'awaiting', 'pending', 'unclear', 'review') ORDER BY o.payment_id LIMIT :batch FOR UPDATE OF o SKIP LOCKED;

-- drop_onward --
-- What was sent on, or will not be.
-- rows: payment_id bigint
DELETE FROM onward WHERE payment_id IN (SELECT payment_id FROM {rows} r);
