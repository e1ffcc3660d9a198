-- Messages that are pinned in their room. `seq` is the event that pinned them: the newest is shown first.
CREATE TABLE pins (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    seq BIGINT NOT NULL,
    PRIMARY KEY (room_id, message_id)
);
