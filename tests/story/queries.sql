-- payments_of_merchant --
-- Every payment of a merchant, oldest first.
SELECT id FROM payment WHERE merchant_id = :merchant_id ORDER BY id;

-- count_payments --
-- How many payments there are.
SELECT count(*) AS found FROM payment;

-- renumber_payment --
-- Give a payment another number.
UPDATE payment SET id = :to_id WHERE id = :from_id;

-- renumber_history --
-- Give a payment's history another number.
UPDATE history SET payment_id = :to_id WHERE payment_id = :from_id;

-- raise_payment_ids (sqlite) --
-- Nothing to do: SQLite's next number is the highest plus one.
SELECT 1;

-- raise_payment_ids (postgres) --
-- The sequence goes on after the highest number.
SELECT setval('payment_id_seq', (SELECT max(id) FROM payment));
