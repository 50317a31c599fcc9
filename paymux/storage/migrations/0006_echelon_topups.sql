-- Daily caps that hold whatever comes at once, and top-ups that are sent on. The code before this migration still runs on it.

-- What a capped channel has accepted in its day. One row a channel: a new day begins at nothing.
CREATE TABLE channel_day (
    merchant_id bigint NOT NULL,
    channel text NOT NULL,        -- direction, method and currency
    day bigint NOT NULL,          -- when it began, UTC
    units bigint NOT NULL,        -- without what came to nothing since
    PRIMARY KEY (merchant_id, channel)
);  -- clustered
DROP INDEX payment_day;

-- Where the money of a payment goes on to as soon as it came; the row goes with the payout that sends it, or with the payment's end.
CREATE TABLE onward (
    payment_id bigint PRIMARY KEY,
    method text NOT NULL,
    provider text NOT NULL,       -- who will send it
    fee_units bigint NOT NULL,    -- of the payout, taken from what came
    details text NOT NULL         -- JSON object: the payout's facts in its dialect
);
