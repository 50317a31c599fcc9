-- set_policy --
-- How a merchant wants wrong money treated.
UPDATE merchant SET policy = :policy, version = version + 1 WHERE id = :id;

-- unbalanced --
-- Accounts whose kept balance is not the sum of their entries.
SELECT a.id, a.merchant_id, a.kind, a.currency, a.balance, (SELECT coalesce(sum(e.amount_units), 0) FROM entry e WHERE e.account_id = a.id) AS entries
FROM account a WHERE a.balance IS NOT NULL AND a.balance <> (SELECT coalesce(sum(e.amount_units), 0) FROM entry e WHERE e.account_id = a.id);

-- unlike_history --
-- Payments whose state or version is not what their history says.
SELECT p.id, p.state, p.version, h.to_state, (SELECT count(*) FROM history c WHERE c.payment_id = p.id) AS steps
FROM payment p LEFT JOIN history h ON h.payment_id = p.id AND h.version = p.version
WHERE h.to_state IS NULL OR h.to_state <> p.state OR p.version <> (SELECT count(*) FROM history c WHERE c.payment_id = p.id);

-- unlike_receipts --
-- Payments whose received money is not the sum of their receipts in their own currency.
SELECT p.id, p.received_units FROM payment p
WHERE p.received_units <> (SELECT coalesce(sum(c.amount_units), 0) FROM receipt c WHERE c.payment_id = p.id AND c.currency = p.currency);

-- unlike_books --
-- Payments whose held money is not what the held account got of them.
SELECT p.id, p.held_units FROM payment p
WHERE p.held_units <> (SELECT coalesce(sum(e.amount_units), 0) FROM transfer t JOIN entry e ON e.transfer_id = t.id
    JOIN account a ON a.id = e.account_id AND a.kind = 'held' AND a.currency = p.currency WHERE t.payment_id = p.id);

-- untold --
-- Paid payments without the notice that says so.
SELECT p.id, p.state FROM payment p WHERE p.state IN ('paid', 'settled', 'completed')
    AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.payment_id = p.id AND n.word IN ('paid', 'success', 'SUCCESS'));

-- balance --
-- What stands in an account of a merchant.
SELECT coalesce(sum(e.amount_units), 0) AS units FROM account a JOIN entry e ON e.account_id = a.id
WHERE a.merchant_id = :merchant_id AND a.kind = :kind AND a.currency = :currency;

-- states --
-- Every payment with its state.
SELECT id, state FROM payment ORDER BY id;

-- alive --
-- Attempts that may still succeed.
SELECT id, payment_id, state FROM attempt WHERE state IN ('started', 'handed_over', 'pending', 'unclear') ORDER BY id;

-- notices --
-- Every notice: whose, what it tells, when it was written, how it stands.
SELECT id, payment_id, merchant_id, word, created_at, state, tries FROM notice ORDER BY id;

-- attempts --
-- The attempts of a payment, oldest first.
SELECT * FROM attempt WHERE payment_id = :payment_id ORDER BY number;
