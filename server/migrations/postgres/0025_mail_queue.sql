-- Mails that are to be sent, and, without what they say, those that were: `event` is told to a person once. Times are
-- milliseconds since 1970.
CREATE TABLE mail_queue (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    event TEXT NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    letter TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- When a server began to send it.
    claimed_at BIGINT,
    tries BIGINT NOT NULL,
    -- When it was sent, or given up.
    done_at BIGINT,
    UNIQUE (event, person_id)
);
CREATE INDEX mail_queue_due ON mail_queue (due_at) WHERE done_at IS NULL;
CREATE INDEX mail_queue_done ON mail_queue (done_at) WHERE done_at IS NOT NULL;

-- Up to which message of a room somebody was told by mail, and when.
CREATE TABLE mailed (
    room_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    no BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id),
    FOREIGN KEY (room_id, person_id) REFERENCES members (room_id, person_id) ON DELETE CASCADE
);
