-- What an answer to a mail belongs to. The address to which it goes has the id and a signature over the row.
CREATE TABLE mail_replies (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mail_replies_expire ON mail_replies (expires_at);
