-- notices --
-- Every notice, in the order of writing.
SELECT * FROM notice ORDER BY id;

-- answers --
-- Every recorded answer.
SELECT * FROM notice_answer ORDER BY notice_id, number;

-- due --
-- The notices that could be claimed if their time has come.
SELECT payment_id, word FROM notice WHERE due_at IS NOT NULL ORDER BY payment_id, id;

-- endpoints --
-- Every endpoint.
SELECT * FROM endpoint ORDER BY id;

-- break_secret --
-- Store something that no key reads.
UPDATE endpoint SET secret = 'e1.00000000.AAAA' WHERE merchant_id = :merchant_id;

-- disable --
-- Switch a merchant's own endpoint off.
UPDATE endpoint SET enabled = 0 WHERE merchant_id = :merchant_id AND shop = '';
