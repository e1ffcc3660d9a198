-- When somebody was told by push, and by mail, of a message that they are to acknowledge: after a reminder they are again.
ALTER TABLE acks ADD COLUMN pushed_at BIGINT;
ALTER TABLE acks ADD COLUMN mailed_at BIGINT;
CREATE INDEX messages_reminded ON messages (reminded_at) WHERE reminded_at IS NOT NULL;

-- What asks to be acknowledged, over all rooms.
CREATE INDEX messages_asking ON messages (id) WHERE ack_of IS NOT NULL;

-- Who is in a lesson that runs, on whichever server, and until when that holds unless it is said again.
CREATE TABLE in_lessons (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    until_at BIGINT NOT NULL
);
-- Whether a person is told of messages in lessons, too.
ALTER TABLE notify ADD COLUMN in_lessons BIGINT NOT NULL DEFAULT 0;
