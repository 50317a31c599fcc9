-- all_quotes --
-- What every source last said.
SELECT source, rate, quoted_at, fault, looked_at FROM exchange_quote;
