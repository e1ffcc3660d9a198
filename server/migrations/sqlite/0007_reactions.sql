-- Who answered a message with which emoji. `seq` is the event that set it: they are shown in that order.
CREATE TABLE reactions (
    message_id TEXT NOT NULL REFERENCES messages (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    emoji TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (message_id, person_id, emoji)
);

-- Who did it, and with what, in events that name these.
ALTER TABLE events ADD COLUMN person_id TEXT REFERENCES people (id);
ALTER TABLE events ADD COLUMN emoji TEXT;
