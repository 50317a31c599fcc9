-- Doubts are few and asked for often: found among all attempts at once. The code before this migration still runs on it.
CREATE INDEX attempt_unclear ON attempt (payment_id) WHERE state = 'unclear';
