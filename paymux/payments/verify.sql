-- payments_after --
-- What is stored of payments, a page at a time.
SELECT id, merchant_id, dialect, state, version, amount_units, currency, received_units, held_units, payable_units, refunded_units, attention
FROM payment WHERE id > :after ORDER BY id LIMIT :page;

-- histories_between --
-- The histories of some payments, in order.
SELECT payment_id, version, merchant_id, event, from_state, to_state FROM history
WHERE payment_id > :after AND payment_id <= :up_to ORDER BY payment_id, version;

-- transfers_between --
-- What was posted for some payments, by reason and currency.
SELECT t.payment_id, t.merchant_id, t.reason, a.currency, CAST(sum(t.amount_units) AS bigint) AS units
FROM transfer t JOIN account a ON a.id = t.debit_id
WHERE t.payment_id > :after AND t.payment_id <= :up_to GROUP BY t.payment_id, t.merchant_id, t.reason, a.currency;

-- receipts_between --
-- What came for some payments, by attempt and currency.
SELECT payment_id, merchant_id, attempt_id, currency, CAST(sum(amount_units) AS bigint) AS units FROM receipt
WHERE payment_id > :after AND payment_id <= :up_to GROUP BY payment_id, merchant_id, attempt_id, currency;

-- attempts_between --
-- The attempts of some payments, in order.
SELECT id, payment_id, merchant_id, number, state, ask_at, ended_at FROM attempt
WHERE payment_id > :after AND payment_id <= :up_to ORDER BY payment_id, number;

-- notices_between --
-- The words that shops were told of some payments.
SELECT payment_id, merchant_id, word FROM notice WHERE payment_id > :after AND payment_id <= :up_to;

-- refunds_between --
-- What refunds of some payments come to: those that went back or are on their way, and all there ever were.
SELECT payment_id, merchant_id, currency, CAST(sum(CASE WHEN state = 'failed' THEN 0 ELSE amount_units END) AS bigint) AS units,
    CAST(sum(amount_units) AS bigint) AS ever
FROM payout WHERE payment_id > :after AND payment_id <= :up_to GROUP BY payment_id, merchant_id, currency;
