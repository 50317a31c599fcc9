-- orders_after --
-- Orders, a page at a time.
SELECT uid, merchant_id, in_units, out_units, received_units, reserved_units, late_units, status, version, payout, details
FROM exchange_order WHERE uid > :after ORDER BY uid LIMIT :page;

-- order_histories --
-- The histories of a page of orders.
SELECT order_uid, version, from_status, to_status, actor FROM exchange_history
WHERE order_uid > :after AND order_uid <= :up_to ORDER BY order_uid, version;

-- order_transfers --
-- What a page of orders moved, by reason.
SELECT order_uid, reason, CAST(sum(amount_units) AS bigint) AS units FROM transfer
WHERE order_uid > :after AND order_uid <= :up_to GROUP BY order_uid, reason;

-- order_receipts --
-- What came for a page of orders.
SELECT order_uid, CAST(sum(units) AS bigint) AS units FROM exchange_receipt
WHERE order_uid > :after AND order_uid <= :up_to GROUP BY order_uid;

-- order_notices --
-- How many notices a page of orders has.
SELECT order_uid, count(*) AS units FROM notice WHERE order_uid > :after AND order_uid <= :up_to GROUP BY order_uid;
