-- The exchange: currencies and directions that an operator sets up, orders with their history, keys that sign requests, and quotes of rate
-- sources. Transfers and notices can name an order. The code before this migration still runs on it: every new column may be NULL.

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
    updated_at bigint NOT NULL
);
CREATE INDEX exchange_order_merchant ON exchange_order (merchant_id, uid);
CREATE INDEX exchange_order_expiry ON exchange_order (expires_at) WHERE status IN ('new', 'waitPayment');
CREATE INDEX exchange_order_act ON exchange_order (act_at) WHERE act_at IS NOT NULL;

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

ALTER TABLE transfer ADD COLUMN order_uid bigint;
CREATE INDEX transfer_order ON transfer (order_uid) WHERE order_uid IS NOT NULL;
ALTER TABLE notice ADD COLUMN order_uid bigint; -- what it tells of, where that is an order of the exchange
CREATE UNIQUE INDEX notice_order ON notice (order_uid, delivery) WHERE order_uid IS NOT NULL;

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
