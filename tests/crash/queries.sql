-- remittances --
-- What the sandbox's bank was asked to send.
SELECT operation_key, amount_units FROM sandbox_remittance ORDER BY operation_key;

-- payouts --
-- Every payout with its key.
SELECT operation_key, state, amount_units FROM payout ORDER BY id;
