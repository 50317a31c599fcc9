-- add_charges --
-- Open charges; a key that is there already stays as it is.
-- rows: operation_key text, reference text, provider text, amount_units bigint, currency text, method text, description text, return_url text, callback_url text, state text, transfers text, settled bigint, magic bigint, next_act text, due_at bigint, when_asked bigint, created_at bigint, updated_at bigint, decline_reason text
INSERT INTO sandbox_charge (operation_key, reference, provider, amount_units, currency, method, description, return_url, callback_url, state,
    transfers, settled, magic, next_act, due_at, when_asked, created_at, updated_at, decline_reason)
SELECT operation_key, reference, provider, amount_units, currency, method, description, return_url, callback_url, state,
    transfers, settled, magic, next_act, due_at, when_asked, created_at, updated_at, decline_reason
FROM {rows} r WHERE true ORDER BY operation_key
ON CONFLICT (operation_key) DO NOTHING;

-- charges_by_key (sqlite) --
-- Charges to change, by operation key. A transaction that may write holds SQLite's only write lock.
-- rows: operation_key text
SELECT c.* FROM {rows} r JOIN sandbox_charge c ON c.operation_key = r.operation_key ORDER BY c.operation_key;

-- charges_by_key (postgres) --
-- Charges to change, by operation key, locked in sorted order so that two lanes cannot wait for each other in a circle.
-- rows: operation_key text
SELECT c.* FROM {rows} r JOIN sandbox_charge c ON c.operation_key = r.operation_key ORDER BY c.operation_key FOR UPDATE OF c;

-- charges_by_reference --
-- Charges by the reference in their page's address.
-- rows: reference text
SELECT c.* FROM {rows} r JOIN sandbox_charge c ON c.reference = r.reference;

-- keys_by_reference --
-- Operation keys by the reference in a page's address; neither ever changes.
-- rows: reference text
SELECT c.reference, c.operation_key FROM {rows} r JOIN sandbox_charge c ON c.reference = r.reference;

-- due_charges (sqlite) --
-- Charges to which something happens by itself by now. A transaction that may write holds SQLite's only write lock.
SELECT c.* FROM sandbox_charge c WHERE c.due_at <= :now AND c.when_asked = 0 ORDER BY c.due_at, c.operation_key LIMIT :batch;

-- due_charges (postgres) --
-- Charges to which something happens by itself by now; those that another worker holds are left to it.
SELECT c.* FROM sandbox_charge c WHERE c.due_at <= :now AND c.when_asked = 0 ORDER BY c.due_at, c.operation_key LIMIT :batch
FOR UPDATE OF c SKIP LOCKED;

-- save_charges --
-- Write what changed; the rows are locked.
-- rows: operation_key text, state text, transfers text, settled bigint, next_act text, due_at bigint, when_asked bigint, updated_at bigint, decline_reason text
UPDATE sandbox_charge SET state = r.state, transfers = r.transfers, settled = r.settled, next_act = r.next_act, due_at = r.due_at,
    when_asked = r.when_asked, updated_at = r.updated_at, decline_reason = r.decline_reason
FROM {rows} r WHERE sandbox_charge.operation_key = r.operation_key;

-- add_callbacks --
-- Callbacks to make, in order.
-- rows: place bigint, operation_key text, body text, due_at bigint
INSERT INTO sandbox_callback (operation_key, body, due_at, tries)
SELECT operation_key, body, due_at, 0 FROM {rows} r WHERE true ORDER BY place;

-- anything_due --
-- Whether there is anything to do by now.
SELECT EXISTS (SELECT 1 FROM sandbox_charge WHERE due_at <= :now AND when_asked = 0)
    OR EXISTS (SELECT 1 FROM sandbox_callback WHERE due_at <= :now) AS found;

-- due_callbacks (sqlite) --
-- Callbacks to make now, the oldest first. A transaction that may write holds SQLite's only write lock.
SELECT b.id, b.operation_key, b.body, b.tries, c.provider, c.callback_url
FROM sandbox_callback b JOIN sandbox_charge c ON c.operation_key = b.operation_key
WHERE b.due_at <= :now ORDER BY b.id LIMIT :batch;

-- due_callbacks (postgres) --
-- Callbacks to make now, the oldest first; those that another worker holds are left to it.
SELECT b.id, b.operation_key, b.body, b.tries, c.provider, c.callback_url
FROM sandbox_callback b JOIN sandbox_charge c ON c.operation_key = b.operation_key
WHERE b.due_at <= :now ORDER BY b.id LIMIT :batch FOR UPDATE OF b SKIP LOCKED;

-- postpone_callbacks --
-- Set when callbacks are made again, and how often they were tried.
-- rows: id bigint, due_at bigint, tries bigint
UPDATE sandbox_callback SET due_at = r.due_at, tries = r.tries FROM {rows} r WHERE sandbox_callback.id = r.id;

-- drop_callbacks --
-- Forget callbacks that were acknowledged, or were tried often enough.
-- rows: id bigint
DELETE FROM sandbox_callback WHERE id IN (SELECT r.id FROM {rows} r);

-- drop_callbacks_of --
-- Forget the callbacks of charges whose end an operator told by command.
-- rows: operation_key text
DELETE FROM sandbox_callback WHERE operation_key IN (SELECT r.operation_key FROM {rows} r);

-- add_disbursement --
-- What the cashier paid; a key is paid once.
INSERT INTO sandbox_disbursement (operation_key, amount_units, currency, account, txid, ends, created_at)
VALUES (:operation_key, :amount_units, :currency, :account, :txid, :ends, :now) ON CONFLICT (operation_key) DO NOTHING;

-- disbursements --
-- What the cashier paid, by key.
-- rows: operation_key text
SELECT d.operation_key, d.txid, d.ends FROM {rows} r JOIN sandbox_disbursement d ON d.operation_key = r.operation_key;

-- take_remittance --
-- The bank takes an order; one whose key it has already stays as it is.
INSERT INTO sandbox_remittance (operation_key, reference, amount_units, currency, account, reason, due_at, ends, created_at)
VALUES (:operation_key, :reference, :amount_units, :currency, :account, :reason, :due_at, :ends, :now)
ON CONFLICT (operation_key) DO NOTHING;

-- remittances_by_key --
-- How orders stand in the bank's own book.
-- rows: operation_key text
SELECT b.* FROM {rows} r JOIN sandbox_remittance b ON b.operation_key = r.operation_key;

-- dialogues --
-- How far payers came with the bank; the charges' locks are held.
-- rows: operation_key text
SELECT d.* FROM {rows} r JOIN sandbox_dialogue d ON d.operation_key = r.operation_key;

-- put_dialogues --
-- Keep how far payers came.
-- rows: operation_key text, bank text, payer text, account text, answered bigint, wrong bigint, updated_at bigint
INSERT INTO sandbox_dialogue (operation_key, bank, payer, account, answered, wrong, updated_at)
SELECT operation_key, bank, payer, account, answered, wrong, updated_at FROM {rows} r WHERE true ORDER BY operation_key
ON CONFLICT (operation_key) DO UPDATE SET bank = excluded.bank, payer = excluded.payer, account = excluded.account,
    answered = excluded.answered, wrong = excluded.wrong, updated_at = excluded.updated_at;
