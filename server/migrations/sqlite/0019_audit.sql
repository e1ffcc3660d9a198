-- Who did what to whom, and when. A row is written in the transaction of the act and stays as it is. `by_id` is absent when
-- the server did it by itself; `facts` is JSON. There are no texts of messages in it.
CREATE TABLE audit (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    act TEXT NOT NULL,
    by_id TEXT REFERENCES people (id),
    about_id TEXT REFERENCES people (id),
    room_id TEXT REFERENCES rooms (id),
    message_id TEXT,
    facts TEXT NOT NULL
);
CREATE INDEX audit_by_person ON audit (by_id, id);
CREATE INDEX audit_about_person ON audit (about_id, id);
CREATE INDEX audit_by_room ON audit (room_id, id);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the log is only added to');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the log is only added to');
END;
