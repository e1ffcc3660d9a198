-- Messages to everybody in their room (`@все`): one mark on the message, however many people that are. Whoever came later
-- is not meant: `joined_no` is the last message when a member came.
ALTER TABLE messages ADD COLUMN to_all BIGINT NOT NULL DEFAULT 0;
CREATE INDEX messages_to_all ON messages (room_id, no) WHERE to_all = 1;
ALTER TABLE scheduled ADD COLUMN to_all BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN joined_no BIGINT NOT NULL DEFAULT 0;
