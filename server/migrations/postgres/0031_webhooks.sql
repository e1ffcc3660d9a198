-- Addresses to which a room's messages are sent. What waits is in the room's log: what lies after `position`. The secret signs
-- what is sent, so it is kept as it is. Times are milliseconds since 1970.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    made_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    -- Up to which event of the room all was sent.
    position BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- The server that sends to it, and when it last said so.
    claim TEXT,
    claimed_at BIGINT,
    sent_at BIGINT,
    tries BIGINT NOT NULL,
    failing_since BIGINT,
    fault TEXT,
    status BIGINT,
    off_at BIGINT
);
CREATE INDEX webhooks_by_room ON webhooks (room_id);
