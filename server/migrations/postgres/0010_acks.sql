-- How many people were asked to acknowledge a message, if that was asked for, and when they were last reminded of it.
ALTER TABLE messages ADD COLUMN ack_of BIGINT;
ALTER TABLE messages ADD COLUMN reminded_at BIGINT;

-- Who was asked: the members at the time at which the message was written. `at` is when they acknowledged it.
CREATE TABLE acks (
    message_id TEXT NOT NULL REFERENCES messages (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    no BIGINT NOT NULL,
    at BIGINT,
    PRIMARY KEY (message_id, person_id)
);
-- What is still asked of a person.
CREATE INDEX acks_open ON acks (person_id, room_id, no) WHERE at IS NULL;
