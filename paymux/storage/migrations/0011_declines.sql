-- Why attempts were declined, one of DeclineReason; null for those that were not, and for all before. The code before this migration still
-- runs on it.
ALTER TABLE attempt ADD COLUMN decline_reason text;
ALTER TABLE sandbox_charge ADD COLUMN decline_reason text; -- before it is declined: what a decline by itself will say
