-- The schema as it is today. Nothing runs this file: the migrations build the same, and a test compares both on either engine.
-- One text for both engines. On SQLite `bigserial` and `bigint` become INTEGER and tables STRICT; `-- clustered` makes a table WITHOUT ROWID.
-- Times are Unix milliseconds UTC, amounts minor units of the currency beside them, yes and no are 1 and 0.
-- A new installation begins with three facts: version 1, clock_offset_ms 0, smart_routing default.

-- Which migrations were applied, and when.
CREATE TABLE migration (
    number bigint PRIMARY KEY,
    name text NOT NULL,
    applied_at bigint NOT NULL
);

-- What is true of the whole installation: mode, clock_offset_ms, smart_routing, version, key_id, and on SQLite perhaps ids_from.
-- The version grows when a platform setting changes, and by triggers (of one text for each engine, in migration 8) with every change of a row of
-- merchant and every change or removal of one of merchant_key.
CREATE TABLE installation (
    name text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE merchant (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    plan text NOT NULL CHECK (plan IN ('free', 'pro', 'unlimited')),
    active bigint NOT NULL CHECK (active IN (0, 1)),
    country text,
    currency text,                -- the merchant's first currency
    wallet text,                  -- as given; judged when a session is created
    smart_routing bigint NOT NULL CHECK (smart_routing IN (0, 1)),
    methods_off text NOT NULL,    -- JSON list of buyer-facing methods
    policy text NOT NULL,         -- JSON object, see merchants/model.py
    version bigint NOT NULL,      -- grows with every change of the merchant, its shops or keys
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

-- A merchant's picture for payers, served by us. Its name is a hash of its bytes, so it may be kept for ever.
CREATE TABLE merchant_logo (
    merchant_id bigint PRIMARY KEY,
    name text NOT NULL,           -- with its ending
    image text NOT NULL,          -- base64
    updated_at bigint NOT NULL
);
CREATE INDEX merchant_logo_name ON merchant_logo (name);

-- A key is stored as a keyed hash that names the key it was made with.
CREATE TABLE merchant_key (
    hash text PRIMARY KEY,
    merchant_id bigint NOT NULL REFERENCES merchant (id),
    dialect text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX merchant_key_merchant ON merchant_key (merchant_id);

CREATE TABLE shop (
    merchant_id bigint NOT NULL REFERENCES merchant (id),
    domain text NOT NULL,         -- normalised
    status text NOT NULL CHECK (status IN ('approved', 'pending', 'blocked')),
    created_at bigint NOT NULL,
    PRIMARY KEY (merchant_id, domain)
);  -- clustered

-- What a dialect keeps of a merchant: the code that names it on that wire, and its own settings.
CREATE TABLE merchant_profile (
    merchant_id bigint NOT NULL REFERENCES merchant (id),
    dialect text NOT NULL,
    code text NOT NULL,
    profile text NOT NULL,        -- JSON object
    PRIMARY KEY (merchant_id, dialect),
    UNIQUE (dialect, code)
);  -- clustered

-- Where notices go. The merchant's own endpoint has the empty shop; a shop's own wins over it.
CREATE TABLE endpoint (
    id bigserial PRIMARY KEY,
    merchant_id bigint NOT NULL REFERENCES merchant (id),
    shop text NOT NULL,
    url text NOT NULL,            -- empty: only the secret is known yet
    secret text NOT NULL,         -- encrypted
    previous_secret text,         -- encrypted; both sign until previous_until
    previous_until bigint,
    enabled bigint NOT NULL CHECK (enabled IN (0, 1)),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (merchant_id, shop)
);

-- What an operator set for a route; a route without a row is as its provider ships it.
CREATE TABLE route_setting (
    slug text PRIMARY KEY,
    health text NOT NULL CHECK (health IN ('up', 'degraded', 'down')),
    priority bigint,
    updated_at bigint NOT NULL
);

CREATE TABLE payment (
    id bigserial PRIMARY KEY,     -- dense, never derived from time
    merchant_id bigint NOT NULL,
    dialect text NOT NULL,
    shop text NOT NULL,
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    currency text NOT NULL,
    received_units bigint NOT NULL,  -- all money that came, in the payment's currency
    held_units bigint NOT NULL CHECK (held_units >= 0),  -- of it, what waits for a person
    payable_units bigint NOT NULL CHECK (payable_units >= 0),  -- of it, what the merchant is owed: without the fee, until it was forwarded
    state text NOT NULL,
    version bigint NOT NULL,      -- the newest history row
    order_ref text,
    repeat_key text,              -- equal wishes of one merchant share it; only with an order_ref
    reference text,               -- the name that an API gives it; unique within its dialect
    method text,
    email text,
    country text,
    return_url text,
    cancel_url text,
    meta text,                    -- the shop's JSON object
    details text NOT NULL,        -- JSON object: the dialect's own facts
    txid_in text,
    txid_out text,
    last_error text,
    attention text,               -- why a person must look
    payer text,                   -- JSON object: what was learned of who paid, e.g. bank and account
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    paid_at bigint,
    updated_at bigint NOT NULL,
    outcome_ref text,             -- the name that an API gives its outcome; unique within its dialect
    refunded_units bigint NOT NULL DEFAULT 0 CHECK (refunded_units >= 0) -- of what was received, what went back or is on its way back
);
-- Two jobs: payments by their order, and no two live ones of one repeat key (what has ended has none here, and never collides).
CREATE UNIQUE INDEX payment_order ON payment
    (merchant_id, order_ref, (CASE WHEN state IN ('created', 'awaiting', 'pending', 'unclear', 'review') THEN repeat_key END))
    WHERE order_ref IS NOT NULL;
CREATE UNIQUE INDEX payment_reference ON payment (dialect, reference) WHERE reference IS NOT NULL;
CREATE UNIQUE INDEX payment_outcome ON payment (dialect, outcome_ref) WHERE outcome_ref IS NOT NULL;
CREATE INDEX payment_merchant ON payment (merchant_id, id);
CREATE INDEX payment_expiry ON payment (expires_at) WHERE state IN ('created', 'awaiting');
CREATE INDEX payment_attention ON payment (id) WHERE attention IS NOT NULL;

-- Every change of a payment; its state is rebuilt from these rows by the ledger check.
CREATE TABLE history (
    payment_id bigint NOT NULL,
    version bigint NOT NULL,      -- 1 is the creation
    merchant_id bigint NOT NULL,
    event text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    source text NOT NULL,         -- who told us
    attempt_id bigint,
    why text NOT NULL,
    happened_at bigint NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (payment_id, version)
);  -- clustered

CREATE TABLE attempt (
    id bigserial PRIMARY KEY,
    payment_id bigint NOT NULL REFERENCES payment (id),
    merchant_id bigint NOT NULL,
    number bigint NOT NULL,
    route text NOT NULL,
    provider text NOT NULL,
    method text NOT NULL,
    state text NOT NULL,
    operation_key text NOT NULL UNIQUE,
    provider_ref text,
    handed_url text,
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    currency text NOT NULL,
    choice text NOT NULL,         -- JSON: every route and the reason it was kept or dropped
    reason text,
    asked bigint NOT NULL,
    ask_at bigint,                -- when to ask the provider next
    started_at bigint NOT NULL,
    doubted_at bigint,
    ended_at bigint,
    decline_reason text,          -- null: not declined, or before reasons were kept
    UNIQUE (payment_id, number)
);
CREATE UNIQUE INDEX attempt_alive ON attempt (payment_id) WHERE state IN ('started', 'handed_over', 'pending', 'unclear');
CREATE INDEX attempt_unclear ON attempt (payment_id) WHERE state = 'unclear';
CREATE INDEX attempt_ask ON attempt (ask_at) WHERE ask_at IS NOT NULL;

-- Money that a provider received, counted once by the provider's own name for the transfer.
CREATE TABLE receipt (
    provider text NOT NULL,
    reference text NOT NULL,
    payment_id bigint NOT NULL,
    attempt_id bigint,
    merchant_id bigint NOT NULL,
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    currency text NOT NULL,
    txid text,
    happened_at bigint NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (provider, reference)
);  -- clustered
CREATE INDEX receipt_payment ON receipt (payment_id);

-- balance is credits minus debits and cannot go below zero; accounts without a guarded balance keep NULL.
CREATE TABLE account (
    id bigserial PRIMARY KEY,
    merchant_id bigint NOT NULL,  -- 0: shared
    kind text NOT NULL,
    currency text NOT NULL,
    balance bigint CHECK (balance >= 0),
    UNIQUE (merchant_id, kind, currency)
);

-- Append only. Two entries each: the debit account and the credit account, in one currency.
CREATE TABLE transfer (
    id bigserial PRIMARY KEY,
    key text NOT NULL UNIQUE,     -- a transfer of the same key is posted once
    merchant_id bigint NOT NULL,
    payment_id bigint,
    debit_id bigint NOT NULL REFERENCES account (id),
    credit_id bigint NOT NULL REFERENCES account (id),
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    reason text NOT NULL,
    event_at bigint NOT NULL,     -- when it happened
    created_at bigint NOT NULL,   -- when it was written
    payout_id bigint,
    order_uid bigint,             -- the exchange's order that moved it
    CHECK (debit_id <> credit_id)
);
CREATE INDEX transfer_payout ON transfer (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX transfer_order ON transfer (order_uid) WHERE order_uid IS NOT NULL;
CREATE INDEX transfer_payment ON transfer (payment_id);
CREATE INDEX transfer_debit ON transfer (debit_id);
CREATE INDEX transfer_credit ON transfer (credit_id);

CREATE VIEW entry AS
    SELECT id AS transfer_id, debit_id AS account_id, -amount_units AS amount_units FROM transfer
    UNION ALL
    SELECT id, credit_id, amount_units FROM transfer;

-- The outbox. The body is frozen with the change that it tells.
CREATE TABLE notice (
    id bigserial PRIMARY KEY,
    merchant_id bigint NOT NULL,
    payment_id bigint,            -- NULL: it tells of a payout, or is a test delivery
    dialect text NOT NULL,
    word text NOT NULL,           -- the status it tells, in the dialect's words
    delivery text NOT NULL,       -- the same over all repeats
    endpoint_id bigint,           -- NULL: the merchant had none
    url text,                     -- instead of the endpoint's own
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up', 'unaddressed')),
    tries bigint NOT NULL,
    due_at bigint,
    leased_until bigint,          -- by the clock on the wall: a moved sandbox clock must not end a lease
    created_at bigint NOT NULL,
    ended_at bigint,
    payout_id bigint,             -- what it tells of, where that is a payout
    order_uid bigint,             -- what it tells of, where that is an order of the exchange
    UNIQUE (payment_id, word)
);
CREATE UNIQUE INDEX notice_payout ON notice (payout_id, word) WHERE payout_id IS NOT NULL;
CREATE UNIQUE INDEX notice_order ON notice (order_uid, delivery) WHERE order_uid IS NOT NULL;
CREATE INDEX notice_due ON notice (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX notice_merchant ON notice (merchant_id, id);
CREATE INDEX notice_untold ON notice (merchant_id, id) WHERE state IN ('given_up', 'unaddressed');

-- Each answer of a receiver, or why there was none.
CREATE TABLE notice_answer (
    notice_id bigint NOT NULL REFERENCES notice (id),
    number bigint NOT NULL,
    url text NOT NULL,
    status bigint,
    answer text NOT NULL,         -- the first 2 KB
    error text,
    took_ms bigint NOT NULL,
    answered_at bigint NOT NULL,
    PRIMARY KEY (notice_id, number)
);  -- clustered

-- The sandbox companies' own books: they stand for companies elsewhere, so the core never reads these two tables.
CREATE TABLE sandbox_charge (
    operation_key text PRIMARY KEY,
    reference text NOT NULL UNIQUE, -- in the address of the buyer's page
    provider text NOT NULL,
    amount_units bigint NOT NULL,
    currency text NOT NULL,
    method text NOT NULL,
    description text NOT NULL,
    return_url text NOT NULL,
    callback_url text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'pending', 'paid', 'declined', 'cancelled', 'expired', 'review')),
    transfers text NOT NULL,        -- JSON list of {"reference", "units", "at"}
    settled bigint NOT NULL CHECK (settled IN (0, 1)),
    magic bigint,                   -- cents of a magic amount; null: an ordinary one
    next_act text,                  -- what happens by itself, if anything
    due_at bigint,                  -- when it may happen
    when_asked bigint NOT NULL CHECK (when_asked IN (0, 1)), -- 1: only somebody who asks makes it happen
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    decline_reason text             -- before it is declined: what a decline by itself will say
);
CREATE INDEX sandbox_charge_due ON sandbox_charge (due_at) WHERE due_at IS NOT NULL AND when_asked = 0;

-- Signed callbacks that the sandbox companies still have to make.
CREATE TABLE sandbox_callback (
    id bigserial PRIMARY KEY,
    operation_key text NOT NULL,
    body text NOT NULL,
    due_at bigint NOT NULL,
    tries bigint NOT NULL
);
CREATE INDEX sandbox_callback_due ON sandbox_callback (due_at);
CREATE INDEX sandbox_callback_key ON sandbox_callback (operation_key);

-- A currency of the exchange: a code in BestChange's style with its decimals, never changed once used.
CREATE TABLE exchange_currency (
    code text PRIMARY KEY,
    profile text NOT NULL,        -- JSON object, see exchange/model.py
    updated_at bigint NOT NULL
);

CREATE TABLE exchange_direction (
    id text PRIMARY KEY,          -- 24 hex digits, as the wire names it
    from_code text NOT NULL REFERENCES exchange_currency (code),
    to_code text NOT NULL REFERENCES exchange_currency (code),
    profile text NOT NULL,        -- JSON object, see exchange/model.py
    updated_at bigint NOT NULL,
    UNIQUE (from_code, to_code)
);

-- Where rates come from: fixed, a file, a URL, or the average of others.
CREATE TABLE exchange_source (
    name text PRIMARY KEY,
    profile text NOT NULL,        -- JSON object, see rates/model.py
    updated_at bigint NOT NULL
);

-- What rate sources last said: the newest good quote of each, and what went wrong since.
CREATE TABLE exchange_quote (
    source text PRIMARY KEY,
    rate text,                    -- units of the second currency for one of the first, a plain decimal
    quoted_at bigint,             -- when that was; NULL: never
    fault text,                   -- why the newest look failed or was refused
    looked_at bigint NOT NULL
);

CREATE TABLE exchange_order (
    uid bigserial PRIMARY KEY,    -- dense, never derived from time
    id text NOT NULL UNIQUE,      -- 24 hex digits
    rid text NOT NULL UNIQUE,     -- 11 capitals and digits
    secret text NOT NULL,         -- encrypted
    merchant_id bigint NOT NULL,  -- 0: nobody's, created without a key
    direction_id text NOT NULL,
    from_code text NOT NULL,
    to_code text NOT NULL,
    in_units bigint NOT NULL CHECK (in_units > 0),
    out_units bigint NOT NULL CHECK (out_units > 0),
    fee_units bigint NOT NULL CHECK (fee_units >= 0),          -- of in_units, what the direction's fee takes
    rounding_units bigint NOT NULL CHECK (rounding_units >= 0), -- of in_units, what rounding left over
    commission_units bigint NOT NULL CHECK (commission_units >= 0), -- of in_units, what the partner earns
    received_units bigint NOT NULL CHECK (received_units >= 0), -- money that came
    reserved_units bigint NOT NULL CHECK (reserved_units >= 0), -- taken out of the inventory for this order and not paid out yet
    status text NOT NULL,
    version bigint NOT NULL,      -- the newest history row
    payout text NOT NULL CHECK (payout IN ('none', 'due', 'started', 'sent', 'dead')),
    operation_key text UNIQUE,    -- of the payout that is not dead
    asked bigint NOT NULL,        -- how often the payer was asked about it
    act_at bigint,                -- when to send or ask next
    txid text,                    -- of what was paid out
    details text NOT NULL,        -- JSON object, see exchange/model.py
    ipn_secret text,              -- encrypted
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    late_units bigint NOT NULL DEFAULT 0 CHECK (late_units >= 0), -- came after the end, not decided
    partner text                  -- who sent the client, for lists; the truth stands in details
);
CREATE INDEX exchange_order_merchant ON exchange_order (merchant_id, uid);
CREATE INDEX exchange_order_expiry ON exchange_order (expires_at) WHERE status IN ('new', 'waitPayment');
CREATE INDEX exchange_order_act ON exchange_order (act_at) WHERE act_at IS NOT NULL;
CREATE INDEX exchange_order_partner ON exchange_order (partner, uid) WHERE partner IS NOT NULL;
CREATE INDEX exchange_order_waiting ON exchange_order (uid)
    WHERE status IN ('inProgress', 'inProgressPayout', 'errorPayment', 'errorPayout', 'hold') OR late_units > 0;
CREATE INDEX exchange_order_done ON exchange_order (uid) WHERE status = 'done';

-- Every change of an order; its status is rebuilt from these rows by the ledger check.
CREATE TABLE exchange_history (
    order_uid bigint NOT NULL,
    version bigint NOT NULL,      -- 1 is the creation
    merchant_id bigint NOT NULL,
    from_status text,
    to_status text NOT NULL,
    actor text NOT NULL,          -- who changed it
    why text NOT NULL,
    happened_at bigint NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (order_uid, version)
);  -- clustered

-- Money that came for an order, counted once by its own name.
CREATE TABLE exchange_receipt (
    reference text PRIMARY KEY,
    order_uid bigint NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    learned_at bigint NOT NULL
);
CREATE INDEX exchange_receipt_order ON exchange_receipt (order_uid);

-- A key pair of the exchange's own API. The key goes in the clear, its secret signs.
CREATE TABLE exchange_key (
    key text PRIMARY KEY,
    merchant_id bigint NOT NULL REFERENCES merchant (id),
    secret text NOT NULL,         -- encrypted
    operator bigint NOT NULL CHECK (operator IN (0, 1)),  -- 1: may call what only operators may
    addresses text NOT NULL,      -- JSON list of the addresses that may use it; empty: all
    last_time text NOT NULL,      -- the newest accepted `time`, a plain decimal: no repeats, no steps back
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX exchange_key_merchant ON exchange_key (merchant_id);

-- What a partner's links brought: who followed them, without what would name a person.
CREATE TABLE exchange_click (
    id bigserial PRIMARY KEY,
    code text NOT NULL,           -- the partner's
    browser text NOT NULL,
    network text NOT NULL,        -- the address without its end
    referrer text NOT NULL,
    query text NOT NULL,
    visitor text NOT NULL,        -- the same for the same address and browser, and nothing can be told from it
    clicked_at bigint NOT NULL
);
CREATE INDEX exchange_click_partner ON exchange_click (code, clicked_at);

-- The sandbox's cashier pays out; it stands for a company elsewhere, so the core never reads its book.
CREATE TABLE sandbox_disbursement (
    operation_key text PRIMARY KEY,
    amount_units bigint NOT NULL,
    currency text NOT NULL,
    account text NOT NULL,
    txid text NOT NULL,
    ends text NOT NULL CHECK (ends IN ('paid', 'failed')),
    created_at bigint NOT NULL
);

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
    payment_id bigint,            -- the payment that it undoes, where it is a refund
    UNIQUE (dialect, reference)
);
CREATE INDEX payout_merchant ON payout (merchant_id, id);
CREATE INDEX payout_created ON payout (merchant_id, created_at, id);
CREATE INDEX payout_payment ON payout (payment_id, id) WHERE payment_id IS NOT NULL;
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

-- What a capped channel has accepted in its day. One row a channel: a new day begins at nothing.
CREATE TABLE channel_day (
    merchant_id bigint NOT NULL,
    channel text NOT NULL,        -- direction, method and currency
    day bigint NOT NULL,          -- when it began, UTC
    units bigint NOT NULL,        -- without what came to nothing since
    PRIMARY KEY (merchant_id, channel)
);  -- clustered

-- Where the money of a payment goes on to as soon as it came; the row goes with the payout that sends it, or with the payment's end.
CREATE TABLE onward (
    payment_id bigint PRIMARY KEY,
    method text NOT NULL,
    provider text NOT NULL,       -- who will send it
    fee_units bigint NOT NULL,    -- of the payout, taken from what came
    details text NOT NULL         -- JSON object: the payout's facts in its dialect
);

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

-- How far payers came with the sandbox's bank. It stands for a bank elsewhere, so the core never reads it.
CREATE TABLE sandbox_dialogue (
    operation_key text PRIMARY KEY,
    bank text NOT NULL,             -- the bank's code
    payer text NOT NULL,            -- who identified: a RUT
    account text,                   -- the account to pay from, once it was chosen
    answered bigint NOT NULL,       -- how many of the bank's questions
    wrong bigint NOT NULL,          -- wrong answers to the question that is open
    updated_at bigint NOT NULL
);
