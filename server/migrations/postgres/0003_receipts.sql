-- Which messages have arrived on a device of a member, as far as that is ahead of what they have read: a message's
-- transaction holds its sender's row in `members`, and receipts must not wait for it, nor it for them.
CREATE TABLE receipts (
    room_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    no BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id),
    FOREIGN KEY (room_id, person_id) REFERENCES members (room_id, person_id) ON DELETE CASCADE
);
