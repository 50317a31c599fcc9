-- What ETpay's API needs: a second name that an API gives a payment once it has ended (its payment_token), and the sandbox bank's own
-- books. The code before runs on it unchanged.
ALTER TABLE payment ADD COLUMN outcome_ref text;
CREATE UNIQUE INDEX payment_outcome ON payment (dialect, outcome_ref) WHERE outcome_ref IS NOT NULL;

-- How far payers came with the sandbox's bank. It stands for a bank elsewhere, so the core never reads it.
CREATE TABLE sandbox_dialogue (
    operation_key text PRIMARY KEY,
    bank text NOT NULL,
    payer text NOT NULL,
    account text,
    answered bigint NOT NULL,
    wrong bigint NOT NULL,
    updated_at bigint NOT NULL
);
