-- A payment is reported paid, with everything the service writes then. A script for pgbench, see pgbench.py.
-- A colon before a letter or a digit is a variable to pgbench, inside texts too: `~` stands for it there.
\set n :n + 1
\set id :first + :n * :clients + :client_id
\set merchant 1 + :id % {merchants}
\set units 1000 + :id % 90000
BEGIN;
SELECT * FROM attempt WHERE operation_key = 'op_bench_' || CAST(CAST(:id AS bigint) AS text);
SELECT p.*, m.policy FROM payment p JOIN merchant m ON m.id = p.merchant_id WHERE p.id = :id FOR UPDATE OF p;
UPDATE payment SET state = 'paid', version = 3, received_units = :units, payable_units = :units, held_units = 0, paid_at = :now, updated_at = :now,
    txid_in = '0x' || md5(CAST(CAST(:id AS bigint) AS text)) || md5(CAST(CAST(:id AS bigint) AS text))
WHERE id = :id AND version = 2;
UPDATE attempt SET state = 'paid', reason = 'paid', ask_at = NULL, ended_at = :now WHERE payment_id = :id AND number = 1;
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
VALUES (:id, 3, :merchant, 'paid', 'awaiting', 'paid', 'provider', :id, '', :now, :now);
INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at)
VALUES ('{provider}', 'op_bench_' || CAST(CAST(:id AS bigint) AS text) || '.1', :id, :id, :merchant, :units, '{currency}',
    '0x' || md5(CAST(CAST(:id AS bigint) AS text)) || md5(CAST(CAST(:id AS bigint) AS text)), :now, :now);
INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, tries, created_at)
SELECT CAST(:merchant AS bigint), CAST(:id AS bigint), 'ecomtrade24', 'paid', 'ecomtrade24-' || CAST(CAST(:id AS bigint) AS text) || '-paid', e.id, NULL,
    replace('{"event"~"payment.completed","session_id"~' || CAST(CAST(:id AS bigint) AS text) || ',"order_id"~"ORD-000000-123456789","status"~"paid",'
    '"amount"~"123.45","currency"~"{currency}","email"~"buyer@example.com","txid"~"0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",'
    '"merchant_id"~13,"shop_domain"~"{shop}","sent_at"~"2026-04-29T12~11~42+00~00","provider"~"ecomtrade24","test"~false,'
    '"meta"~{"source"~"woocommerce"}}', '~', chr(58)),
    'unaddressed', 0, CAST(:now AS bigint)
FROM endpoint e WHERE e.merchant_id = :merchant AND e.shop = '' AND e.enabled = 1;
UPDATE account SET balance = balance + :units WHERE merchant_id = :merchant AND kind = 'payable' AND currency = '{currency}' RETURNING id AS payable_id \gset
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT replace('payment~' || CAST(CAST(:id AS bigint) AS text) || '~3~payment.paid', '~', chr(58)), CAST(:merchant AS bigint), CAST(:id AS bigint), a.id,
    CAST(:payable_id AS bigint), CAST(:units AS bigint), 'payment.paid', CAST(:now AS bigint), CAST(:now AS bigint)
FROM account a WHERE a.merchant_id = :merchant AND a.kind = replace('clearing~{provider}', '~', chr(58)) AND a.currency = '{currency}';
END;
