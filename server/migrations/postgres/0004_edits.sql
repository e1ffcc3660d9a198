-- A message shows its latest text; what it said before is kept for the staff. One that was deleted has no text, and its
-- files are for their owner alone.
ALTER TABLE messages ADD COLUMN edited_at BIGINT;
ALTER TABLE messages ADD COLUMN deleted_at BIGINT;
ALTER TABLE messages ADD COLUMN deleted_by TEXT REFERENCES people (id);

CREATE TABLE message_versions (
    message_id TEXT NOT NULL REFERENCES messages (id),
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    -- Until when it said so.
    until_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, version)
);
