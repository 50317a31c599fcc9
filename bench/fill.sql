-- Fill in payments by number: see fill.py. One text for both engines; {names} are put in there, `number` holds the ids.
-- {kind} is 'paid', 'expired' or 'awaiting', {at} the moment of creation, both from the number n; {later} is far away.
INSERT INTO account (merchant_id, kind, currency, balance)
    SELECT id, 'payable', '{currency}', 0 FROM merchant WHERE true ON CONFLICT DO NOTHING;
INSERT INTO account (merchant_id, kind, currency, balance)
    SELECT id, 'clearing:{provider}', '{currency}', NULL FROM merchant WHERE true ON CONFLICT DO NOTHING;
CREATE TEMP TABLE filled AS SELECT n AS id, 1 + n % {merchants} AS merchant_id, 1000 + n % 90000 AS units, {kind} AS state, {at} AS at FROM number;
{analyze}
INSERT INTO payment (id, merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version, order_ref, repeat_key,
    email, country, return_url, cancel_url, meta, details, txid_in, created_at, expires_at, paid_at, updated_at)
SELECT id, merchant_id, 'ecomtrade24', '{shop}', units, '{currency}', CASE state WHEN 'paid' THEN units ELSE 0 END, 0,
    CASE state WHEN 'paid' THEN units ELSE 0 END, state,
    CASE state WHEN 'paid' THEN 3 ELSE 2 END, 'ORD-000000-' || CAST(id AS text), md5('repeat' || CAST(id AS text)), 'buyer@example.com', 'DE',
    'https://shop.example.com/order/success', 'https://shop.example.com/checkout', '{"source":"woocommerce"}',
    '{"mode":"smart_router","wallet":"{wallet}"}', CASE state WHEN 'paid' THEN '0x' || md5(CAST(id AS text)) || md5('b' || CAST(id AS text)) END,
    at, CASE state WHEN 'awaiting' THEN {later} ELSE at + 3600000 END, CASE state WHEN 'paid' THEN at + 60000 END, at + 60000
FROM filled ORDER BY id;
INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
SELECT id, 1, merchant_id, 'created', NULL, 'created', 'shop', NULL, '', at, at FROM filled
UNION ALL
SELECT id, 2, merchant_id, 'opened', 'created', 'awaiting', 'answer', id, '', at + 30000, at + 30000 FROM filled WHERE state <> 'expired'
UNION ALL
SELECT id, 2, merchant_id, 'timed_out', 'created', 'expired', 'clock', NULL, '', at + 60000, at + 60000 FROM filled WHERE state = 'expired'
UNION ALL
SELECT id, 3, merchant_id, 'paid', 'awaiting', 'paid', 'provider', id, '', at + 60000, at + 60000 FROM filled WHERE state = 'paid'
ORDER BY 1, 2;
INSERT INTO attempt (id, payment_id, merchant_id, number, route, provider, method, state, operation_key, provider_ref, handed_url, amount_units,
    currency, choice, asked, ask_at, started_at, ended_at)
SELECT id, id, merchant_id, 1, 'alder', '{provider}', 'card', CASE state WHEN 'paid' THEN 'paid' ELSE 'handed_over' END, 'op_bench_' || CAST(id AS text),
    'ch_' || md5(CAST(id AS text)), 'http://127.0.0.1/sandbox/pay/' || md5(CAST(id AS text)), units, '{currency}',
    '[{"slug":"alder","reason":"kept"}]', 0, CASE state WHEN 'paid' THEN NULL ELSE {later} END, at + 30000,
    CASE state WHEN 'paid' THEN at + 60000 END
FROM filled WHERE state <> 'expired' ORDER BY id;
INSERT INTO receipt (provider, reference, payment_id, attempt_id, merchant_id, amount_units, currency, txid, happened_at, learned_at)
SELECT '{provider}', 'op_bench_' || CAST(id AS text) || '.1', id, id, merchant_id, units, '{currency}',
    '0x' || md5(CAST(id AS text)) || md5('b' || CAST(id AS text)), at + 60000, at + 60000
FROM filled WHERE state = 'paid' ORDER BY 2;
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT 'payment:' || CAST(f.id AS text) || ':3:payment.paid', f.merchant_id, f.id, d.id, c.id, f.units, 'payment.paid', f.at + 60000, f.at + 60000
FROM filled f JOIN account d ON d.merchant_id = f.merchant_id AND d.kind = 'clearing:{provider}' AND d.currency = '{currency}'
JOIN account c ON c.merchant_id = f.merchant_id AND c.kind = 'payable' AND c.currency = '{currency}'
WHERE f.state = 'paid' ORDER BY f.id;
UPDATE account SET balance = balance + s.units
FROM (SELECT merchant_id, CAST(sum(units) AS bigint) AS units FROM filled WHERE state = 'paid' GROUP BY merchant_id) s
WHERE account.merchant_id = s.merchant_id AND account.kind = 'payable';
INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, tries, created_at)
SELECT merchant_id, id, 'ecomtrade24', 'paid', 'ecomtrade24-' || CAST(id AS text) || '-paid', NULL, NULL,
    '{"event":"payment.completed","session_id":' || CAST(id AS text) || ',"order_id":"ORD-000000-' || CAST(id AS text) ||
    '","status":"paid","amount":"123.45","currency":"{currency}","email":"buyer@example.com","txid":"0x' || md5(CAST(id AS text)) ||
    md5('b' || CAST(id AS text)) || '","merchant_id":13,"shop_domain":"{shop}","sent_at":"2026-04-29T12:11:42+00:00","provider":"ecomtrade24",' ||
    '"test":false,"meta":{"source":"woocommerce"}}', 'unaddressed', 0, at + 60000
FROM filled WHERE state = 'paid' ORDER BY id;
DROP TABLE filled;
DROP TABLE number;
