-- Money that comes after an order's end is counted apart, so that a person can return it or accept it. Three lists get indexes of their own:
-- orders that wait for somebody, the newest finished ones, and a partner's. The code before this migration still runs on it.
ALTER TABLE exchange_order ADD COLUMN late_units bigint NOT NULL DEFAULT 0 CHECK (late_units >= 0); -- came after the end, not decided
UPDATE exchange_order SET late_units = received_units - coalesce((SELECT sum(t.amount_units) FROM transfer t WHERE t.order_uid = exchange_order.uid
    AND t.reason IN ('exchange.earned', 'exchange.fee', 'exchange.rounding', 'exchange.commission', 'exchange.returning')), 0)
WHERE status IN ('done', 'returned');
ALTER TABLE exchange_order ADD COLUMN partner text; -- who sent the client, for lists; the truth stands in details
UPDATE exchange_order SET partner = (SELECT substr(a.kind, 12) FROM transfer t JOIN account a ON a.id = t.credit_id
    WHERE t.order_uid = exchange_order.uid AND t.reason = 'exchange.commission') WHERE commission_units > 0;
CREATE INDEX exchange_order_partner ON exchange_order (partner, uid) WHERE partner IS NOT NULL;
CREATE INDEX exchange_order_waiting ON exchange_order (uid)
    WHERE status IN ('inProgress', 'inProgressPayout', 'errorPayment', 'errorPayout', 'hold') OR late_units > 0;
CREATE INDEX exchange_order_done ON exchange_order (uid) WHERE status = 'done';

-- What a partner's links brought: who followed them, without what would name a person.
CREATE TABLE exchange_click (
    id bigserial PRIMARY KEY,
    code text NOT NULL,           -- the partner's
    browser text NOT NULL,
    network text NOT NULL,        -- the address without its end
    referrer text NOT NULL,
    query text NOT NULL,
    visitor text NOT NULL,        -- the same for the same address and browser, and nothing can be told from it
    clicked_at bigint NOT NULL
);
CREATE INDEX exchange_click_partner ON exchange_click (code, clicked_at);
