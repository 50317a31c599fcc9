-- Payouts with their history, notices and transfers that belong to one, and what the sandbox's channels and its bank keep.
-- The code before this migration still runs on it: every new column may be NULL.

-- Money that goes out. `amount_units` and `fee_units` together leave the merchant's payable balance when it is accepted.
CREATE TABLE payout (
    id bigserial PRIMARY KEY,
    merchant_id bigint NOT NULL,
    dialect text NOT NULL,
    reference text NOT NULL,      -- the name that an API gives it; unique within its dialect
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    fee_units bigint NOT NULL CHECK (fee_units >= 0),
    currency text NOT NULL,
    method text NOT NULL,
    state text NOT NULL,
    version bigint NOT NULL,      -- the newest history row
    operation_key text NOT NULL UNIQUE, -- the money move's one key, kept over restarts
    provider text NOT NULL,       -- who sends the money
    provider_ref text,            -- the provider's own name for it
    reason text,                  -- why it failed, in the core's words
    details text NOT NULL,        -- JSON object: the dialect's own facts
    callback_url text,
    asked bigint NOT NULL,
    act_at bigint,                -- when to send it or to ask about it next; NULL when there is nothing to do
    doubted_at bigint,            -- since when nobody can say what became of it
    created_at bigint NOT NULL,
    sent_at bigint,               -- when the provider was called
    ended_at bigint,
    updated_at bigint NOT NULL,
    UNIQUE (dialect, reference)
);
CREATE INDEX payout_merchant ON payout (merchant_id, id);
CREATE INDEX payout_act ON payout (act_at) WHERE act_at IS NOT NULL;

-- Every change of a payout; its state is rebuilt from these rows by the ledger check.
CREATE TABLE payout_history (
    payout_id bigint NOT NULL,
    version bigint NOT NULL,      -- 1 is the creation
    merchant_id bigint NOT NULL,
    event text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    source text NOT NULL,         -- who told us
    why text NOT NULL,
    happened_at bigint NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (payout_id, version)
);  -- clustered

ALTER TABLE transfer ADD COLUMN payout_id bigint;
CREATE INDEX transfer_payout ON transfer (payout_id) WHERE payout_id IS NOT NULL;
ALTER TABLE notice ADD COLUMN payout_id bigint; -- what it tells of, where that is a payout
CREATE UNIQUE INDEX notice_payout ON notice (payout_id, word) WHERE payout_id IS NOT NULL;

-- What the sandbox's channels will report of a payment by themselves, and when.
CREATE TABLE sandbox_turn (
    payment_id bigint PRIMARY KEY,
    outcome text NOT NULL,
    due_at bigint NOT NULL
);
CREATE INDEX sandbox_turn_due ON sandbox_turn (due_at);

-- The sandbox bank's own book of what it sends: it stands for a bank elsewhere, so the core never reads it.
CREATE TABLE sandbox_remittance (
    operation_key text PRIMARY KEY,
    reference text NOT NULL,
    amount_units bigint NOT NULL,
    currency text NOT NULL,
    account text NOT NULL,
    reason text,                  -- with one that fails
    due_at bigint NOT NULL,       -- until then it is under way
    ends text NOT NULL CHECK (ends IN ('pending', 'paid', 'failed')), -- what becomes of it then
    created_at bigint NOT NULL
);
CREATE INDEX payment_day ON payment (merchant_id, currency, created_at) WHERE dialect = 'echelon';
