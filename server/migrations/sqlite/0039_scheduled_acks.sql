-- Whether a message for later asks to be acknowledged, and by when, in milliseconds since 1970.
ALTER TABLE scheduled ADD COLUMN ack BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scheduled ADD COLUMN ack_due BIGINT;
