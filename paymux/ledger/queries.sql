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
SELECT a.id, a.balance FROM account a JOIN {rows} r ON a.id = r.id ORDER BY a.id FOR NO KEY UPDATE OF a;

-- move_balances (sqlite) --
-- Add to the balances of guarded accounts; one below zero breaks the table's rule. A transaction that may write holds the only write lock.
-- rows: id bigint, delta bigint
UPDATE account SET balance = balance + r.delta FROM {rows} r WHERE account.id = r.id;

-- move_balances (postgres) --
-- Add to the balances of guarded accounts, locked in sorted order; one below zero breaks the table's rule.
-- rows: id bigint, delta bigint
UPDATE account SET balance = balance + l.delta
FROM (SELECT a.id, r.delta FROM {rows} r JOIN account a ON a.id = r.id ORDER BY a.id FOR NO KEY UPDATE OF a) l WHERE account.id = l.id;

-- post_transfers --
-- Append transfers.
-- rows: key text, merchant_id bigint, payment_id bigint, debit_id bigint, credit_id bigint, amount_units bigint, reason text, event_at bigint, created_at bigint, payout_id bigint, order_uid bigint
INSERT INTO transfer (key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at, payout_id, order_uid)
SELECT key, merchant_id, payment_id, debit_id, credit_id, amount_units, reason, event_at, created_at, payout_id, order_uid FROM {rows} r WHERE true;

-- transfers_of_payment --
-- Every transfer that a payment caused, in order.
SELECT t.id, t.reason, t.amount_units, d.kind AS debit, c.kind AS credit, d.currency, t.event_at, t.created_at
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE t.payment_id = :payment_id ORDER BY t.id;

-- foreign_of_payment --
-- What is held of money that came in another currency than the payment's, by the account of the provider that received it.
SELECT a.kind AS clearing, a.currency,
    CAST(sum(CASE t.reason WHEN 'payment.foreign' THEN t.amount_units ELSE -t.amount_units END) AS bigint) AS units
FROM transfer t JOIN account a ON a.id = CASE t.reason WHEN 'payment.foreign' THEN t.debit_id ELSE t.credit_id END
WHERE t.payment_id = :payment_id AND t.reason IN ('payment.foreign', 'payment.foreign_returned')
GROUP BY a.kind, a.currency HAVING sum(CASE t.reason WHEN 'payment.foreign' THEN t.amount_units ELSE -t.amount_units END) > 0
ORDER BY a.kind, a.currency;

-- given_of_payments --
-- What merchants were given of the money that came for payments, fees included.
-- rows: payment_id bigint
SELECT t.payment_id, CAST(sum(t.amount_units) AS bigint) AS units FROM {rows} r JOIN transfer t ON t.payment_id = r.payment_id
WHERE t.reason IN ('payment.paid', 'payment.released') GROUP BY t.payment_id;

-- balances_of_merchant --
-- Every account of a merchant with the sum of its entries.
SELECT a.kind, a.currency, a.balance, CAST(coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.credit_id = a.id), 0)
    - coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.debit_id = a.id), 0) AS bigint) AS entries
FROM account a WHERE a.merchant_id = :merchant_id ORDER BY a.currency, a.kind;

-- accounts_after --
-- Accounts with the sums of their two sides, a page at a time.
SELECT a.id, a.merchant_id, a.kind, a.currency, a.balance,
    CAST(coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.debit_id = a.id), 0) AS bigint) AS debits,
    CAST(coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.credit_id = a.id), 0) AS bigint) AS credits
FROM account a WHERE a.id > :after ORDER BY a.id LIMIT :page;

-- transfers_after --
-- Transfers with the names of both accounts, a page at a time.
SELECT t.id, t.merchant_id, t.reason, d.merchant_id AS debit_merchant, d.kind AS debit_kind, d.currency AS debit_currency,
    c.merchant_id AS credit_merchant, c.kind AS credit_kind, c.currency AS credit_currency
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE t.id > :after ORDER BY t.id LIMIT :page;

-- guarded_standing --
-- The guarded balances of merchants, and when each last moved.
-- rows: merchant_id bigint
SELECT a.merchant_id, a.kind, a.currency, a.balance,
    (SELECT max(t.created_at) FROM transfer t WHERE t.id IN
        ((SELECT max(d.id) FROM transfer d WHERE d.debit_id = a.id), (SELECT max(c.id) FROM transfer c WHERE c.credit_id = a.id))) AS moved_at
FROM {rows} r JOIN account a ON a.merchant_id = r.merchant_id WHERE a.balance IS NOT NULL ORDER BY a.merchant_id, a.currency, a.kind;
