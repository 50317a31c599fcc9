-- find_endpoints --
-- Where the notices of shops go: the shop's own endpoint, else the merchant's.
-- rows: merchant_id bigint, shop text
SELECT r.merchant_id, r.shop, e.id, e.url, e.shop AS level
FROM {rows} r JOIN endpoint e ON e.merchant_id = r.merchant_id AND e.shop IN (r.shop, '') AND e.enabled = 1;

-- lock_payments (sqlite) --
-- Every notice of some payments. Differs because PostgreSQL locks the rows.
-- rows: payment_id bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until FROM {rows} r JOIN notice n ON n.payment_id = r.payment_id;

-- lock_payments (postgres) --
-- Every notice of some payments, locked in sorted order: who changes which of them waits is alone with that payment's notices.
-- rows: payment_id bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until
FROM {rows} r JOIN notice n ON n.payment_id = r.payment_id ORDER BY n.id FOR NO KEY UPDATE OF n;

-- lock_tests (sqlite) --
-- Test deliveries, which belong to no payment. Differs because PostgreSQL locks the rows.
-- rows: id bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until FROM {rows} r JOIN notice n ON n.id = r.id;

-- lock_tests (postgres) --
-- Test deliveries, which belong to no payment, locked in sorted order.
-- rows: id bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until FROM {rows} r JOIN notice n ON n.id = r.id ORDER BY n.id FOR NO KEY UPDATE OF n;

-- arrange --
-- Of a payment's waiting notices the first is due and the others are not; the caller holds the lock of the payments.
-- rows: payment_id bigint
UPDATE notice SET due_at = w.due_at
FROM (
    SELECT n.id, CASE WHEN row_number() OVER (PARTITION BY n.payment_id ORDER BY n.id) = 1 THEN coalesce(n.due_at, :now) END AS due_at
    FROM {rows} r JOIN notice n ON n.payment_id = r.payment_id WHERE n.state = 'waiting'
) w
WHERE notice.id = w.id AND (notice.due_at IS NULL) <> (w.due_at IS NULL);

-- lock_orders (sqlite) --
-- Every notice of some orders of the exchange. Differs because PostgreSQL locks the rows.
-- rows: order_uid bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until FROM {rows} r JOIN notice n ON n.order_uid = r.order_uid;

-- lock_orders (postgres) --
-- Every notice of some orders of the exchange, locked in sorted order.
-- rows: order_uid bigint
SELECT n.id, n.payment_id, n.order_uid, n.state, n.tries, n.leased_until
FROM {rows} r JOIN notice n ON n.order_uid = r.order_uid ORDER BY n.id FOR NO KEY UPDATE OF n;

-- arrange_orders --
-- Of an order's waiting notices the first is due and the others are not; the caller holds the lock of the orders' notices.
-- rows: order_uid bigint
UPDATE notice SET due_at = w.due_at
FROM (
    SELECT n.id, CASE WHEN row_number() OVER (PARTITION BY n.order_uid ORDER BY n.id) = 1 THEN coalesce(n.due_at, :now) END AS due_at
    FROM {rows} r JOIN notice n ON n.order_uid = r.order_uid WHERE n.state = 'waiting'
) w
WHERE notice.id = w.id AND (notice.due_at IS NULL) <> (w.due_at IS NULL);

-- put_notices --
-- Write notices; one that was told before stays as it is. One that is not the first of its payment or order is not due yet: `arrange` sees
-- to it; whether it is, is looked up by the index, whatever the planner thinks of a table that was empty a moment ago. RETURNING the new ones.
-- rows: place bigint, merchant_id bigint, payment_id bigint, dialect text, word text, delivery text, endpoint_id bigint, url text, body text, state text, due_at bigint, created_at bigint, payout_id bigint, order_uid bigint
INSERT INTO notice (merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, tries, due_at, leased_until, created_at, ended_at,
    payout_id, order_uid)
SELECT merchant_id, payment_id, dialect, word, delivery, endpoint_id, url, body, state, 0,
    CASE WHEN (SELECT 1 FROM notice n WHERE n.payment_id = r.payment_id LIMIT 1) = 1
        OR (SELECT 1 FROM notice n WHERE n.order_uid = r.order_uid LIMIT 1) = 1 THEN NULL ELSE due_at END,
    NULL, created_at, NULL, payout_id, order_uid
FROM {rows} r WHERE true ORDER BY place
ON CONFLICT DO NOTHING
RETURNING id, delivery, payment_id, order_uid, state, due_at;

-- find_due (sqlite) --
-- Due notices that nobody holds: at most :room_each (or the endpoint's own room) of each endpoint, every endpoint's first before any second.
-- The endpoints are found by jumping along the index, so that the length of a backlog does not matter. Without LATERAL the room is cut by rank.
-- rows: endpoint_id bigint, room bigint
WITH RECURSIVE lane(endpoint_id) AS (
    SELECT min(endpoint_id) FROM notice WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT min(n.endpoint_id) FROM notice n WHERE n.state = 'waiting' AND n.endpoint_id > lane.endpoint_id)
    FROM lane WHERE lane.endpoint_id IS NOT NULL
), open_lane AS (
    SELECT e.id AS endpoint_id, e.url, e.secret, CASE WHEN e.previous_until > :now THEN e.previous_secret END AS previous_secret,
        coalesce(r.room, :room_each) AS room
    FROM lane CROSS JOIN endpoint e ON e.id = lane.endpoint_id AND e.enabled = 1 LEFT JOIN {rows} r ON r.endpoint_id = lane.endpoint_id
    WHERE coalesce(r.room, :room_each) > 0
), first AS (
    SELECT n.id, n.due_at, o.room, coalesce(n.url, o.url) AS url, o.secret, o.previous_secret,
        row_number() OVER (PARTITION BY n.endpoint_id ORDER BY n.due_at, n.id) AS place
    FROM open_lane o CROSS JOIN notice n ON n.id IN (
        SELECT d.id FROM notice d
        WHERE d.endpoint_id = o.endpoint_id AND d.state = 'waiting' AND d.due_at <= :now AND (d.leased_until IS NULL OR d.leased_until <= :wall)
        ORDER BY d.due_at LIMIT :room_each
    )
)
SELECT n.id, n.merchant_id, n.payment_id, n.order_uid, n.dialect, n.word, n.delivery, n.body, n.endpoint_id, f.url, f.secret, f.previous_secret, n.created_at
FROM first f CROSS JOIN notice n ON n.id = f.id WHERE f.place <= f.room ORDER BY f.place, f.due_at LIMIT :limit;

-- find_due (postgres) --
-- Due notices that nobody holds: at most :room_each (or the endpoint's own room) of each endpoint, every endpoint's first before any second.
-- The endpoints are found by jumping along the index, so that the length of a backlog does not matter.
-- rows: endpoint_id bigint, room bigint
WITH RECURSIVE lane(endpoint_id) AS (
    SELECT min(endpoint_id) FROM notice WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT min(n.endpoint_id) FROM notice n WHERE n.state = 'waiting' AND n.endpoint_id > lane.endpoint_id)
    FROM lane WHERE lane.endpoint_id IS NOT NULL
)
SELECT n.id, n.merchant_id, n.payment_id, n.order_uid, n.dialect, n.word, n.delivery, n.body, n.endpoint_id, coalesce(n.url, e.url) AS url,
    e.secret, CASE WHEN e.previous_until > :now THEN e.previous_secret END AS previous_secret, n.created_at
FROM lane JOIN endpoint e ON e.id = lane.endpoint_id AND e.enabled = 1 LEFT JOIN {rows} r ON r.endpoint_id = lane.endpoint_id
CROSS JOIN LATERAL (
    SELECT d.* FROM notice d
    WHERE d.endpoint_id = lane.endpoint_id AND d.state = 'waiting' AND d.due_at <= :now AND (d.leased_until IS NULL OR d.leased_until <= :wall)
    ORDER BY d.due_at LIMIT coalesce(r.room, :room_each)
) n
ORDER BY row_number() OVER (PARTITION BY n.endpoint_id ORDER BY n.due_at, n.id), n.due_at LIMIT :limit;

-- lease (sqlite) --
-- Hold notices until a moment on the wall's clock. No lock: SQLite has one writer at a time.
-- rows: id bigint
UPDATE notice SET leased_until = :until FROM {rows} r
WHERE notice.id = r.id AND notice.state = 'waiting' AND notice.due_at <= :now AND (notice.leased_until IS NULL OR notice.leased_until <= :wall)
RETURNING notice.id, notice.tries;

-- lease (postgres) --
-- Hold notices until a moment on the wall's clock; those that another node took meanwhile, or is about to change, are left to it.
-- rows: id bigint
WITH free AS (
    SELECT n.id FROM {rows} r JOIN notice n ON n.id = r.id
    WHERE n.state = 'waiting' AND n.due_at <= :now AND (n.leased_until IS NULL OR n.leased_until <= :wall)
    ORDER BY n.id FOR NO KEY UPDATE OF n SKIP LOCKED
)
UPDATE notice SET leased_until = :until FROM free WHERE notice.id = free.id RETURNING notice.id, notice.tries;

-- release --
-- Give leases back unused; a lease that was lost meanwhile is another's.
-- rows: id bigint, leased_until bigint
UPDATE notice SET leased_until = NULL FROM {rows} r WHERE notice.id = r.id AND notice.leased_until = r.leased_until;

-- end_tries --
-- What a try changed; the lease ends with it.
-- rows: id bigint, state text, tries bigint, due_at bigint, ended_at bigint
UPDATE notice SET state = r.state, tries = r.tries, due_at = r.due_at, ended_at = r.ended_at, leased_until = NULL
FROM {rows} r WHERE notice.id = r.id;

-- keep_answers --
-- Receivers' answers, numbered over all tries of a notice, those after a resend too.
-- rows: notice_id bigint, url text, status bigint, answer text, error text, took_ms bigint
INSERT INTO notice_answer (notice_id, number, url, status, answer, error, took_ms, answered_at)
SELECT r.notice_id, 1 + coalesce((SELECT max(a.number) FROM notice_answer a WHERE a.notice_id = r.notice_id), 0),
    r.url, r.status, r.answer, r.error, r.took_ms, :now
FROM {rows} r WHERE true;

-- span_of_merchant --
-- Between which ids a merchant's notices lie. Two questions, because each is one look at an end of the index.
SELECT coalesce((SELECT min(id) FROM notice WHERE merchant_id = :merchant_id), 1) AS oldest,
    coalesce((SELECT max(id) FROM notice WHERE merchant_id = :merchant_id), 0) AS newest;

-- find_resend --
-- A page of a merchant's notices in some states; `addressed` is 0 where the endpoint it was meant for cannot be used.
-- rows: state text
SELECT n.id, n.merchant_id, n.payment_id, n.order_uid, n.endpoint_id, n.url, coalesce(p.shop, '') AS shop,
    CASE WHEN e.enabled = 1 AND (n.url IS NOT NULL OR e.url <> '') THEN 1 ELSE 0 END AS addressed
FROM notice n LEFT JOIN endpoint e ON e.id = n.endpoint_id LEFT JOIN payment p ON p.id = n.payment_id
WHERE n.merchant_id = :merchant_id AND n.id >= :first_id AND n.id <= :last_id AND n.created_at >= :from_at AND n.created_at < :until_at
    AND n.state IN (SELECT s.state FROM {rows} s)
ORDER BY n.id LIMIT :page;

-- wait_again --
-- Notices start again with all their tries; one that is being sent right now stays with whoever sends it.
-- rows: id bigint, endpoint_id bigint
UPDATE notice SET state = 'waiting', tries = 0, due_at = :now, ended_at = NULL, endpoint_id = r.endpoint_id,
    leased_until = CASE WHEN notice.state = 'waiting' THEN notice.leased_until END
FROM {rows} r WHERE notice.id = r.id;

-- set_url --
-- Where notices go from now on, the secret stays; RETURNING the endpoint if there is one.
UPDATE endpoint SET url = :url, enabled = 1, updated_at = :now WHERE merchant_id = :merchant_id AND shop = :shop RETURNING id;

-- add_endpoint --
-- A new endpoint; RETURNING its id, nothing if another was faster.
INSERT INTO endpoint (merchant_id, shop, url, secret, previous_secret, previous_until, enabled, created_at, updated_at)
VALUES (:merchant_id, :shop, :url, :secret, NULL, NULL, 1, :now, :now) ON CONFLICT (merchant_id, shop) DO NOTHING RETURNING id;

-- rotate_secret --
-- A new secret; the one before signs beside it until a moment. RETURNING the endpoint if there is one.
UPDATE endpoint SET previous_secret = secret, previous_until = :previous_until, secret = :secret, updated_at = :now
WHERE merchant_id = :merchant_id AND shop = :shop RETURNING id;

-- untried --
-- Payments with a notice that was not yet tried.
-- rows: payment_id bigint
SELECT r.payment_id FROM {rows} r WHERE EXISTS (
    SELECT 1 FROM notice n WHERE n.payment_id = r.payment_id AND n.state = 'waiting' AND n.tries = 0);
