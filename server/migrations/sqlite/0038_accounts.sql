-- How often somebody did something lately, in a log that only grows.
CREATE INDEX audit_by_act ON audit (by_id, act, at);
