-- When somebody was told by push, and by mail, of a message that they are to acknowledge: after a reminder they are again.
-- A server that is about to push says so in push_claimed_at; it holds for some minutes.
ALTER TABLE acks ADD COLUMN pushed_at BIGINT;
ALTER TABLE acks ADD COLUMN push_claimed_at BIGINT;
ALTER TABLE acks ADD COLUMN mailed_at BIGINT;
-- Of reminders from before nobody is told now.
UPDATE acks SET pushed_at = (SELECT m.reminded_at FROM messages m WHERE m.id = acks.message_id),
    mailed_at = (SELECT m.reminded_at FROM messages m WHERE m.id = acks.message_id)
WHERE at IS NULL;
CREATE INDEX messages_reminded ON messages (reminded_at) WHERE reminded_at IS NOT NULL;

-- What asks to be acknowledged, over all rooms.
CREATE INDEX messages_asking ON messages (id) WHERE ack_of IS NOT NULL;

-- Who is in a lesson that runs, by which server, and until when that holds unless the server says it again.
CREATE TABLE in_lessons (
    person_id TEXT NOT NULL REFERENCES people (id),
    node TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, node)
);
-- Whether a person is told of messages in lessons, too.
ALTER TABLE notify ADD COLUMN in_lessons BIGINT NOT NULL DEFAULT 0;
