-- Whatever changes a merchant or takes a key away makes the installation's version grow, in the same transaction: who remembers callers need
-- compare one number. The code before this migration still runs on it.
CREATE TRIGGER merchant_changed AFTER UPDATE ON merchant BEGIN
    UPDATE installation SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'version';
END;
CREATE TRIGGER merchant_key_changed AFTER UPDATE ON merchant_key BEGIN
    UPDATE installation SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'version';
END;
CREATE TRIGGER merchant_key_removed AFTER DELETE ON merchant_key BEGIN
    UPDATE installation SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'version';
END;
