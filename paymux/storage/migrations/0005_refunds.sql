-- Refunds: a payout that names the payment it undoes. The code before this migration still runs on it.
ALTER TABLE payout ADD COLUMN payment_id bigint; -- the payment that it undoes, where it is a refund
CREATE INDEX payout_payment ON payout (payment_id, id) WHERE payment_id IS NOT NULL;
ALTER TABLE payment ADD COLUMN refunded_units bigint NOT NULL DEFAULT 0 CHECK (refunded_units >= 0); -- went back, or is on its way back
CREATE INDEX payout_created ON payout (merchant_id, created_at, id);

-- A merchant's picture for payers, served by us. Its name is a hash of its bytes, so it may be kept for ever.
CREATE TABLE merchant_logo (
    merchant_id bigint PRIMARY KEY,
    name text NOT NULL,           -- with its ending
    image text NOT NULL,          -- base64
    updated_at bigint NOT NULL
);
CREATE INDEX merchant_logo_name ON merchant_logo (name);
