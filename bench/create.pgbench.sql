-- A payment as the service creates it: the key is looked up, payment and history are inserted. A script for pgbench, see pgbench.py.
\set n :n + 1
\set merchant random(1, {merchants})
\set units random(1000, 90000)
\set order_number :first + :n * :clients + :client_id
BEGIN;
SELECT m.id, m.version, k.revoked_at, (SELECT i.value FROM installation i WHERE i.name = 'version') AS platform
FROM merchant_key k JOIN merchant m ON m.id = k.merchant_id
WHERE k.hash = 'k1.pgbench0.' || lpad(CAST(CAST(:merchant AS bigint) AS text), 64, '0') AND k.dialect = 'ecomtrade24';
INSERT INTO payment (merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version, order_ref,
    repeat_key, method, email, country, return_url, cancel_url, meta, details, created_at, expires_at, updated_at)
VALUES (:merchant, 'ecomtrade24', '{shop}', :units, '{currency}', 0, 0, 0, 'created', 1, 'ORD-000000-' || CAST(CAST(:order_number AS bigint) AS text),
    md5(CAST(CAST(:order_number AS bigint) AS text)), NULL, 'buyer@example.com', 'DE', 'https://shop.example.com/order/success',
    'https://shop.example.com/checkout', '{"source":"woocommerce"}', '{"mode":"smart_router","wallet":"{wallet}"}', :now, :later, :now)
RETURNING id \gset
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
VALUES (:id, 1, :merchant, 'created', NULL, 'created', 'shop', NULL, '', :now, :now);
END;
