-- Whatever changes a merchant or takes a key away makes the installation's version grow, in the same transaction: who remembers callers need
-- compare one number. Before the change, so that all who change merchants wait at one place and never for one another crosswise.
-- The code before this migration still runs on it.
CREATE FUNCTION grow_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE installation SET value = CAST(CAST(value AS bigint) + 1 AS text) WHERE name = 'version';
    RETURN NULL;
END
$$;
CREATE TRIGGER merchant_changed BEFORE UPDATE ON merchant FOR EACH STATEMENT EXECUTE FUNCTION grow_version();
CREATE TRIGGER merchant_key_changed BEFORE UPDATE OR DELETE ON merchant_key FOR EACH STATEMENT EXECUTE FUNCTION grow_version();
