-- A row for whoever has ever signed in or changed something: locked by whatever makes or ends rights of the person, one after
-- the other. On SQLite there is one writer at a time.
CREATE TABLE account_locks (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    taken BIGINT NOT NULL
);
-- How often somebody did something lately, in a log that only grows.
CREATE INDEX audit_by_act ON audit (by_id, act, at);
