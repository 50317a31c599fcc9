-- find_live (sqlite) --
-- Live payments with the same repeat key. Differs because PostgreSQL locks the rows.
-- rows: merchant_id bigint, order_ref text, repeat_key text
SELECT p.* FROM {rows} r JOIN payment p ON p.merchant_id = r.merchant_id AND p.order_ref = r.order_ref
    AND CASE WHEN p.state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN p.repeat_key END = r.repeat_key;

-- find_live (postgres) --
-- Live payments with the same repeat key, locked in sorted order.
-- rows: merchant_id bigint, order_ref text, repeat_key text
SELECT p.* FROM {rows} r JOIN payment p ON p.merchant_id = r.merchant_id AND p.order_ref = r.order_ref
    AND CASE WHEN p.state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN p.repeat_key END = r.repeat_key ORDER BY p.id FOR UPDATE OF p;

-- find_references --
-- Which references are taken.
-- rows: dialect text, reference text
SELECT p.dialect, p.reference, p.id FROM {rows} r JOIN payment p ON p.dialect = r.dialect AND p.reference = r.reference;

-- taken_keys --
-- The places of those whose repeat keys live already (a JSON list), the highest payment id, and the installation's version. One row: a
-- thread waits for the interpreter after each. Only for SQLite, whose only writer holds the lock: none of it can change meanwhile.
-- rows: place bigint, merchant_id bigint, order_ref text, repeat_key text
SELECT (SELECT json_group_array(r.place) FROM {rows} r JOIN payment p ON p.merchant_id = r.merchant_id AND p.order_ref = r.order_ref
        AND CASE WHEN p.state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN p.repeat_key END = r.repeat_key) AS taken,
    max(coalesce((SELECT max(id) FROM payment), 0), coalesce((SELECT CAST(i.value AS bigint) FROM installation i WHERE i.name = 'ids_from'), 0)) AS last,
    (SELECT i.value FROM installation i WHERE i.name = 'version') AS judged;

-- insert_rows --
-- Insert new payments with their first history rows, with the next ids in order. Only for SQLite: storage/sqlite_writer.sql says how.
-- rows: id bigint, merchant_id bigint, dialect text, shop text, amount_units bigint, currency text, order_ref text, repeat_key text, reference text, method text, email text, country text, return_url text, cancel_url text, meta text, details text, created_at bigint, expires_at bigint, outcome_ref text, note text, judged text
INSERT INTO payment_opening (id, merchant_id, dialect, shop, amount_units, currency, order_ref, repeat_key, reference, method, email, country,
    return_url, cancel_url, meta, details, created_at, expires_at, outcome_ref, note, judged)
SELECT id, merchant_id, dialect, shop, amount_units, currency, order_ref, repeat_key, reference, method, email, country,
    return_url, cancel_url, meta, details, created_at, expires_at, outcome_ref, note, judged FROM {rows} r;

-- insert_new --
-- Insert new payments with their first history rows, in one statement; one whose repeat key lives already, or whose reference is taken, is
-- left out, and likewise one that was judged at another version of the installation. Only what is not seen to live takes an id from the
-- sequence, so that ids stay dense; two lanes insert in one order of keys.
-- Only for PostgreSQL: SQLite knows no INSERT inside a SELECT.
-- rows: place bigint, merchant_id bigint, dialect text, shop text, amount_units bigint, currency text, order_ref text, repeat_key text, reference text, method text, email text, country text, return_url text, cancel_url text, meta text, details text, created_at bigint, expires_at bigint, outcome_ref text, note text, judged text
WITH fresh AS MATERIALIZED (
    SELECT r.* FROM {rows} r
    WHERE (r.judged IS NULL OR r.judged = (SELECT i.value FROM installation i WHERE i.name = 'version')) AND NOT EXISTS (
        SELECT 1 FROM payment p WHERE p.merchant_id = r.merchant_id AND p.order_ref = r.order_ref
            AND CASE WHEN p.state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN p.repeat_key END = r.repeat_key)
    ORDER BY r.merchant_id, r.repeat_key, r.reference, r.place
), numbered AS MATERIALIZED (
    SELECT nextval('payment_id_seq') AS id, f.* FROM fresh f
), made AS (
    INSERT INTO payment (id, merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version,
        order_ref, repeat_key, reference, method, email, country, return_url, cancel_url, meta, details, created_at, expires_at, updated_at, outcome_ref)
    SELECT n.id, n.merchant_id, n.dialect, n.shop, n.amount_units, n.currency, 0, 0, 0, 'created', 1,
        n.order_ref, n.repeat_key, n.reference, n.method, n.email, n.country, n.return_url, n.cancel_url, n.meta, n.details,
        n.created_at, n.expires_at, n.created_at, n.outcome_ref
    FROM numbered n
    ON CONFLICT DO NOTHING
    RETURNING id
), noted AS (
    INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
    SELECT n.id, 1, n.merchant_id, 'created', NULL, 'created', 'shop', NULL, n.note, n.created_at, n.created_at
    FROM made m JOIN numbered n ON n.id = m.id
)
SELECT n.place, n.id FROM made m JOIN numbered n ON n.id = m.id;

-- refresh_payments --
-- A repeat of an open wish may bring newer addresses and facts of the buyer.
-- rows: id bigint, email text, country text, return_url text, cancel_url text, meta text
UPDATE payment SET email = r.email, country = r.country, return_url = r.return_url, cancel_url = r.cancel_url, meta = r.meta
FROM {rows} r WHERE payment.id = r.id;

-- lock_payments (sqlite) --
-- Payments with their merchants' policies. Differs because PostgreSQL locks the rows.
-- rows: id bigint
SELECT p.*, m.policy FROM {rows} r JOIN payment p ON p.id = r.id JOIN merchant m ON m.id = p.merchant_id;

-- lock_payments (postgres) --
-- Payments with their merchants' policies, locked in sorted order.
-- rows: id bigint
SELECT p.*, m.policy FROM {rows} r JOIN payment p ON p.id = r.id JOIN merchant m ON m.id = p.merchant_id ORDER BY p.id FOR UPDATE OF p;

-- find_attempts --
-- Attempts by id.
-- rows: id bigint
SELECT a.* FROM {rows} r JOIN attempt a ON a.id = r.id;

-- attempts_of_payments --
-- Every attempt of payments, oldest first.
-- rows: payment_id bigint
SELECT a.* FROM {rows} r JOIN attempt a ON a.payment_id = r.payment_id ORDER BY a.payment_id, a.number;

-- known_receipts --
-- Which of these receipts were counted before. One by one by the index, whatever the planner thinks of a table that was empty a moment ago.
-- rows: provider text, reference text
SELECT r.provider, r.reference FROM {rows} r
WHERE (SELECT 1 FROM receipt c WHERE c.provider = r.provider AND c.reference = r.reference LIMIT 1) = 1;

-- give_way --
-- Payments that come back from their end, as late money brings them, leave the place of their wish to another live one. second: to one that
-- comes back beside it.
-- rows: id bigint, second bigint
UPDATE payment SET repeat_key = NULL FROM {rows} r WHERE payment.id = r.id AND (r.second = 1 OR EXISTS (SELECT 1 FROM payment o
    WHERE o.merchant_id = payment.merchant_id AND o.order_ref = payment.order_ref
        AND CASE WHEN o.state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN o.repeat_key END = payment.repeat_key));

-- save_payments --
-- Write what a change alters, guarded by the version that was read.
-- rows: id bigint, read_version bigint, state text, version bigint, received_units bigint, held_units bigint, payable_units bigint, refunded_units bigint, txid_in text, txid_out text, last_error text, attention text, payer text, paid_at bigint, updated_at bigint
UPDATE payment SET state = r.state, version = r.version, received_units = r.received_units, held_units = r.held_units,
    payable_units = r.payable_units, refunded_units = r.refunded_units, txid_in = r.txid_in, txid_out = r.txid_out, last_error = r.last_error, attention = r.attention, payer = r.payer, paid_at = r.paid_at, updated_at = r.updated_at
FROM {rows} r WHERE payment.id = r.id AND payment.version = r.read_version
RETURNING payment.id;

-- save_attempts --
-- Write what a change alters of attempts.
-- rows: id bigint, state text, provider_ref text, handed_url text, reason text, ask_at bigint, doubted_at bigint, ended_at bigint, decline_reason text
UPDATE attempt SET state = r.state, provider_ref = r.provider_ref, handed_url = r.handed_url, reason = r.reason, ask_at = r.ask_at,
    doubted_at = r.doubted_at, ended_at = r.ended_at, decline_reason = r.decline_reason
FROM {rows} r WHERE attempt.id = r.id;

-- insert_history --
-- Append to histories.
-- rows: payment_id bigint, version bigint, merchant_id bigint, event text, from_state text, to_state text, source text, attempt_id bigint, why text, happened_at bigint, learned_at bigint
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
SELECT payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at FROM {rows} r WHERE true;

-- insert_receipts --
-- Note money that came; RETURNING what nobody counted meanwhile.
-- rows: provider text, reference text, payment_id bigint, attempt_id bigint, merchant_id bigint, amount_units bigint, currency text, txid text, happened_at bigint, learned_at bigint
INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at)
SELECT provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at
FROM {rows} r WHERE true ORDER BY provider, reference
ON CONFLICT (provider, reference) DO NOTHING RETURNING reference;

-- insert_attempt --
-- Begin an attempt; RETURNING its id.
INSERT INTO attempt (payment_id, merchant_id, number, route, provider, method, state, operation_key, provider_ref, handed_url, amount_units,
    currency, choice, reason, asked, ask_at, started_at, doubted_at, ended_at)
VALUES (:payment_id, :merchant_id, :number, :route, :provider, :method, :state, :operation_key, NULL, NULL, :amount_units,
    :currency, :choice, NULL, 0, :ask_at, :started_at, NULL, NULL)
RETURNING id;

-- set_facts --
-- What the buyer tells on the page: an e-mail, or that no route was left.
-- rows: id bigint, email text, last_error text
UPDATE payment SET email = r.email, last_error = r.last_error FROM {rows} r WHERE payment.id = r.id;

-- claim_asks (sqlite) --
-- Take attempts that are due to be asked, and put them off, so that nobody else takes them meanwhile. SQLite has one writer.
UPDATE attempt SET ask_at = :again_at, asked = asked + 1
WHERE id IN (SELECT id FROM attempt WHERE ask_at <= :now ORDER BY ask_at LIMIT :batch)
RETURNING *;

-- claim_asks (postgres) --
-- Take attempts that are due to be asked, and put them off; rows that another node is taking are passed over.
-- An array, so that the rows are chosen once and then found by their ids, whatever the planner thinks of the limit.
UPDATE attempt SET ask_at = :again_at, asked = asked + 1
WHERE id = ANY (ARRAY(SELECT id FROM attempt WHERE ask_at <= :now ORDER BY ask_at LIMIT :batch FOR UPDATE SKIP LOCKED))
RETURNING *;

-- overdue_payments --
-- Open payments whose time is over.
SELECT id FROM payment WHERE state IN ('created', 'awaiting') AND expires_at <= :now ORDER BY expires_at LIMIT :batch;

-- find_payments --
-- Payments by id, and the installation's version beside them.
-- rows: id bigint
SELECT p.*, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform FROM {rows} r JOIN payment p ON p.id = r.id;

-- payment_by_order --
-- A merchant's payments under one order number: one that was paid first, else the newest.
-- rows: merchant_id bigint, dialect text, order_ref text
SELECT p.*, r.order_ref AS asked_ref FROM {rows} r JOIN payment p ON p.id = (
    SELECT q.id FROM payment q WHERE q.merchant_id = r.merchant_id AND q.order_ref = r.order_ref AND q.dialect = r.dialect
    ORDER BY CASE WHEN q.state IN ('paid', 'settled', 'completed') THEN 0 ELSE 1 END, q.id DESC LIMIT 1);

-- payment_by_reference --
-- Payments by the name that an API gave them.
-- rows: dialect text, reference text
SELECT p.* FROM {rows} r JOIN payment p ON p.dialect = r.dialect AND p.reference = r.reference;

-- payment_by_outcome --
-- Payments by the names that an API gives their outcomes.
-- rows: dialect text, outcome_ref text
SELECT p.* FROM {rows} r JOIN payment p ON p.dialect = r.dialect AND p.outcome_ref = r.outcome_ref;

-- told_by_reference --
-- What shops were last told of payments, found by the names that an API gave them.
-- rows: merchant_id bigint, dialect text, reference text
SELECT p.id, p.reference, p.order_ref, p.outcome_ref, r.reference AS asked, n.body
FROM {rows} r JOIN payment p ON p.dialect = r.dialect AND p.reference = r.reference AND p.merchant_id = r.merchant_id
JOIN notice n ON n.id = (SELECT max(m.id) FROM notice m WHERE m.payment_id = p.id);

-- told_by_outcome --
-- What shops were last told of payments, found by the names of their outcomes.
-- rows: merchant_id bigint, dialect text, outcome_ref text
SELECT p.id, p.reference, p.order_ref, p.outcome_ref, r.outcome_ref AS asked, n.body
FROM {rows} r JOIN payment p ON p.dialect = r.dialect AND p.outcome_ref = r.outcome_ref AND p.merchant_id = r.merchant_id
JOIN notice n ON n.id = (SELECT max(m.id) FROM notice m WHERE m.payment_id = p.id);

-- told_by_order --
-- What a shop was last told of the payments under one order number, newest first; running ones are left out.
SELECT p.id, p.reference, p.order_ref, p.outcome_ref, n.body
FROM payment p JOIN notice n ON n.id = (SELECT max(m.id) FROM notice m WHERE m.payment_id = p.id)
WHERE p.merchant_id = :merchant_id AND p.dialect = :dialect AND p.order_ref = :order_ref ORDER BY p.id DESC LIMIT :page;

-- overdue_named --
-- Open payments of a merchant whose time is over, by any of their names.
SELECT p.id, p.expires_at FROM payment p
WHERE p.merchant_id = :merchant_id AND p.dialect = :dialect AND p.state IN ('created', 'awaiting') AND p.expires_at <= :now
    AND (p.order_ref = :order_ref OR p.reference = :reference OR p.outcome_ref = :outcome_ref);

-- attempt_by_key --
-- The attempt that an operation key belongs to.
-- rows: operation_key text
SELECT a.* FROM {rows} r JOIN attempt a ON a.operation_key = r.operation_key;

-- history_of_payment --
-- The whole history of a payment.
SELECT * FROM history WHERE payment_id = :payment_id ORDER BY version;

-- receipts_of_payment --
-- All money that came for a payment.
SELECT * FROM receipt WHERE payment_id = :payment_id ORDER BY learned_at, reference;

-- notices_of_payment --
-- Every notice of a payment with its last answer.
SELECT n.id, n.word, n.state, n.tries, n.delivery, n.due_at, n.created_at, n.ended_at, n.body, a.status, a.error, a.answer, a.took_ms, a.answered_at, a.url
FROM notice n LEFT JOIN notice_answer a ON a.notice_id = n.id AND a.number = (SELECT max(b.number) FROM notice_answer b WHERE b.notice_id = n.id)
WHERE n.payment_id = :payment_id ORDER BY n.id;

-- attention_list --
-- Payments that a person must look at, oldest first.
SELECT * FROM payment WHERE attention IS NOT NULL AND id > :after ORDER BY id LIMIT :page;

-- set_payer --
-- What was learned of who pays, beside the state; the caller holds the payments' locks.
-- rows: id bigint, payer text
UPDATE payment SET payer = r.payer FROM {rows} r WHERE payment.id = r.id;

-- put_turns --
-- What the sandbox's channels will report by themselves.
-- rows: payment_id bigint, outcome text, due_at bigint
INSERT INTO sandbox_turn (payment_id, outcome, due_at) SELECT payment_id, outcome, due_at FROM {rows} r WHERE true;

-- due_turns (sqlite) --
-- Turns whose time has come, oldest first. SQLite has one writer.
SELECT payment_id, outcome FROM sandbox_turn WHERE due_at <= :now ORDER BY due_at LIMIT :batch;

-- due_turns (postgres) --
-- Turns whose time has come, oldest first; those that another node is taking are passed over.
SELECT payment_id, outcome FROM sandbox_turn WHERE due_at <= :now ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED;

-- any_turn --
-- One turn whose time has come, unlocked.
SELECT payment_id FROM sandbox_turn WHERE due_at <= :now ORDER BY due_at LIMIT 1;

-- drop_turns --
-- Turns that were taken.
-- rows: payment_id bigint
DELETE FROM sandbox_turn WHERE payment_id IN (SELECT r.payment_id FROM {rows} r);
