-- make_accounts --
-- Create the accounts that are missing; guarded ones start with the balance 0.
-- rows: merchant_id bigint, kind text, currency text, balance bigint
INSERT INTO account (merchant_id, kind, currency, balance)
SELECT merchant_id, kind, currency, balance FROM {rows} r WHERE true ORDER BY merchant_id, kind, currency
ON CONFLICT (merchant_id, kind, currency) DO NOTHING;

-- find_accounts --
-- The ids of accounts by their names.
-- rows: merchant_id bigint, kind text, currency text
SELECT a.id, a.merchant_id, a.kind, a.currency
FROM {rows} r JOIN account a ON a.merchant_id = r.merchant_id AND a.kind = r.kind AND a.currency = r.currency;

-- lock_accounts (sqlite) --
-- Balances of guarded accounts. A transaction that may write holds SQLite's only write lock already.
-- rows: id bigint
SELECT a.id, a.balance FROM account a JOIN {rows} r ON a.id = r.id ORDER BY a.id;

-- lock_accounts (postgres) --
-- Lock guarded accounts in sorted order, so that two lanes cannot wait for each other in a circle.
-- rows: id bigint
SELECT a.id, a.balance FROM account a JOIN {rows} r ON a.id = r.id ORDER BY a.id FOR UPDATE OF a;

-- move_balances --
-- Add to the balances of guarded accounts; one below zero breaks the table's rule.
-- rows: id bigint, delta bigint
UPDATE account SET balance = balance + r.delta FROM {rows} r WHERE account.id = r.id;

-- post_transfers --
-- Append transfers.
-- rows: key text, merchant_id bigint, payment_id bigint, debit_id bigint, credit_id bigint, amount_units bigint, reason text, event_at bigint, created_at bigint
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at)
SELECT key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at FROM {rows} r WHERE true;

-- transfers_of_payment --
-- Every transfer that a payment caused, in order.
SELECT t.id, t.reason, t.amount_units, d.kind AS debit, c.kind AS credit, d.currency, t.event_at, t.created_at
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE t.payment_id = :payment_id ORDER BY t.id;

-- balances_of_merchant --
-- Every account of a merchant with the sum of its entries.
SELECT a.kind, a.currency, a.balance, CAST(coalesce(sum(e.amount_units), 0) AS bigint) AS entries
FROM account a LEFT JOIN entry e ON e.account_id = a.id
WHERE a.merchant_id = :merchant_id GROUP BY a.id, a.kind, a.currency, a.balance ORDER BY a.currency, a.kind;

-- unbalanced_currencies --
-- Currencies whose entries do not sum to zero: always none.
SELECT a.currency, CAST(sum(e.amount_units) AS bigint) AS total FROM entry e JOIN account a ON a.id = e.account_id
GROUP BY a.currency HAVING sum(e.amount_units) <> 0;

-- mixed_transfers --
-- Transfers between accounts of two currencies or of a merchant they do not belong to: always none.
SELECT t.id FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE d.currency <> c.currency OR d.merchant_id NOT IN (t.merchant_id, 0) OR c.merchant_id NOT IN (t.merchant_id, 0) LIMIT 20;

-- wrong_balances --
-- Guarded accounts whose stored balance is not the sum of their entries: always none.
SELECT a.id, a.merchant_id, a.kind, a.currency, a.balance, CAST(coalesce(sum(e.amount_units), 0) AS bigint) AS entries
FROM account a LEFT JOIN entry e ON e.account_id = a.id WHERE a.balance IS NOT NULL
GROUP BY a.id, a.merchant_id, a.kind, a.currency, a.balance HAVING a.balance <> coalesce(sum(e.amount_units), 0) LIMIT 20;

-- wrong_payments --
-- Payments whose books disagree with their facts: what came must be in clearing once, held money must be held, a paid one must have reached the merchant,
-- a settled one must have left again. A payment that is not paid has given the merchant nothing.
SELECT p.id, p.state, p.received_units, p.held_units, s.came, s.held, s.merchant, s.fee, s.settled, r.receipts
FROM payment p
LEFT JOIN (
    SELECT payment_id,
        CAST(sum(CASE WHEN reason IN ('payment.paid', 'payment.held') THEN amount_units ELSE 0 END) AS bigint) AS came,
        CAST(sum(CASE WHEN reason = 'payment.held' THEN amount_units WHEN reason IN ('payment.released', 'payment.returning') THEN -amount_units
            ELSE 0 END) AS bigint) AS held,
        CAST(sum(CASE WHEN reason IN ('payment.paid', 'payment.released') THEN amount_units ELSE 0 END) AS bigint) AS merchant,
        CAST(sum(CASE WHEN reason = 'payment.fee' THEN amount_units ELSE 0 END) AS bigint) AS fee,
        CAST(sum(CASE WHEN reason = 'payment.settled' THEN amount_units ELSE 0 END) AS bigint) AS settled
    FROM transfer WHERE payment_id IS NOT NULL GROUP BY payment_id
) s ON s.payment_id = p.id
LEFT JOIN (
    SELECT c.payment_id, CAST(sum(c.amount_units) AS bigint) AS receipts FROM receipt c JOIN payment q ON q.id = c.payment_id AND q.currency = c.currency
    GROUP BY c.payment_id
) r ON r.payment_id = p.id
WHERE coalesce(s.came, 0) <> p.received_units
   OR coalesce(r.receipts, 0) <> p.received_units
   OR coalesce(s.held, 0) <> p.held_units
   OR (p.state IN ('paid', 'settled', 'completed')) <> (coalesce(s.merchant, 0) > 0)
   OR coalesce(s.merchant, 0) > p.amount_units
   OR (p.state = 'settled' AND s.settled <> s.merchant - s.fee)
LIMIT 20;

-- history_after --
-- Histories in order, a page at a time, to rebuild the states from.
SELECT h.payment_id, h.version, h.event, h.from_state, h.to_state FROM history h
WHERE h.payment_id > :after AND h.payment_id <= :up_to ORDER BY h.payment_id, h.version;

-- payments_after --
-- What is stored of payments, a page at a time.
SELECT id, state, version FROM payment WHERE id > :after ORDER BY id LIMIT :page;

-- untold_payments --
-- Payments with a state of which the shop should have been told, without the notice: found by the words that each state has.
-- rows: dialect text, state text, word text
SELECT p.id, p.state FROM payment p JOIN {rows} w ON w.dialect = p.dialect AND w.state = p.state
WHERE NOT EXISTS (SELECT 1 FROM notice n WHERE n.payment_id = p.id AND n.word = w.word) LIMIT 20;
