-- payments_of_merchant --
-- A merchant's payments, the newest first, a page at a time.
SELECT * FROM payment WHERE merchant_id = :merchant_id AND id < :before ORDER BY id DESC LIMIT :page;

-- payments_newest --
-- Payments of all merchants, the newest first, a page at a time.
SELECT * FROM payment WHERE id < :before ORDER BY id DESC LIMIT :page;

-- payments_in_doubt --
-- Payments with an attempt of which nobody knows whether it is paid, the oldest first.
SELECT p.* FROM attempt a CROSS JOIN payment p
WHERE a.state = 'unclear' AND a.payment_id > :after AND p.id = a.payment_id ORDER BY a.payment_id LIMIT :page;

-- notices_of_merchant --
-- A merchant's notices with their last answers, the newest first, a page at a time.
SELECT n.id, n.payment_id, n.word, n.state, n.tries, n.due_at, n.created_at, a.status, a.error, a.answered_at
FROM notice n LEFT JOIN notice_answer a ON a.notice_id = n.id AND a.number = (SELECT max(b.number) FROM notice_answer b WHERE b.notice_id = n.id)
WHERE n.merchant_id = :merchant_id AND n.id < :before AND (:state = 'any' OR n.state = :state) ORDER BY n.id DESC LIMIT :page;

-- untold_of_merchant --
-- The same of notices that ended and told nobody. The list of states is the one of the index: they are few among very many.
SELECT n.id, n.payment_id, n.word, n.state, n.tries, n.due_at, n.created_at, a.status, a.error, a.answered_at
FROM notice n LEFT JOIN notice_answer a ON a.notice_id = n.id AND a.number = (SELECT max(b.number) FROM notice_answer b WHERE b.notice_id = n.id)
WHERE n.merchant_id = :merchant_id AND n.id < :before AND n.state IN ('given_up', 'unaddressed') AND n.state = :state ORDER BY n.id DESC LIMIT :page;

-- waiting_of_merchant --
-- The same of notices that still wait: by the lanes of the merchant's endpoints, for there every waiting one stands, and they are few.
SELECT n.id, n.payment_id, n.word, n.state, n.tries, n.due_at, n.created_at, a.status, a.error, a.answered_at
FROM endpoint e CROSS JOIN notice n
LEFT JOIN notice_answer a ON a.notice_id = n.id AND a.number = (SELECT max(b.number) FROM notice_answer b WHERE b.notice_id = n.id)
WHERE e.merchant_id = :merchant_id AND n.endpoint_id = e.id AND n.id < :before AND n.state = 'waiting' AND n.state = :state
ORDER BY n.id DESC LIMIT :page;

-- notice --
-- One notice, with the URL that it goes to now.
SELECT n.*, coalesce(n.url, e.url) AS target FROM notice n LEFT JOIN endpoint e ON e.id = n.endpoint_id WHERE n.id = :notice_id;

-- answers_of_notice --
-- Every answer to a notice.
SELECT number, url, status, answer, error, took_ms, answered_at FROM notice_answer WHERE notice_id = :notice_id ORDER BY number;
