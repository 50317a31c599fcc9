-- What a writing connection of SQLite has beside the schema: temporary, so that nothing of it is in the file, and it is always as this
-- program knows it.

-- New payments with their first history rows by one statement, which is then a transaction of its own: a thread that runs three waits for the
-- interpreter after each, while it holds the lock. Whatever the rows were made of must still be true; else nothing is inserted.
-- PostgreSQL does the same within its INSERT (payments/queries.sql, insert_new).
CREATE TEMP VIEW payment_opening AS SELECT p.*, '' AS note, '' AS judged FROM payment p; -- judged: the installation's version; NULL: not by it

CREATE TEMP TRIGGER payment_opens INSTEAD OF INSERT ON payment_opening BEGIN
    SELECT RAISE(ABORT, 'the installation has changed')
        WHERE NEW.judged <> (SELECT i.value FROM installation i WHERE i.name = 'version');
    SELECT RAISE(ABORT, 'the id is not the next')
        WHERE NEW.id <> 1 + max(coalesce((SELECT max(p.id) FROM payment p), 0),
            coalesce((SELECT CAST(i.value AS INTEGER) FROM installation i WHERE i.name = 'ids_from'), 0));
    INSERT INTO payment (id, merchant_id, dialect, shop, amount_units, currency, received_units, held_units, payable_units, state, version,
        order_ref, repeat_key, reference, method, email, country, return_url, cancel_url, meta, details, created_at, expires_at, updated_at,
        outcome_ref)
    VALUES (NEW.id, NEW.merchant_id, NEW.dialect, NEW.shop, NEW.amount_units, NEW.currency, 0, 0, 0, 'created', 1,
        NEW.order_ref, NEW.repeat_key, NEW.reference, NEW.method, NEW.email, NEW.country, NEW.return_url, NEW.cancel_url, NEW.meta, NEW.details,
        NEW.created_at, NEW.expires_at, NEW.created_at, NEW.outcome_ref);
    INSERT INTO history (payment_id, version, merchant_id, event, from_state, to_state, source, attempt_id, why, happened_at, learned_at)
    VALUES (NEW.id, 1, NEW.merchant_id, 'created', NULL, 'created', 'shop', NULL, NEW.note, NEW.created_at, NEW.created_at);
END;
