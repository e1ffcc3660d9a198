-- The message at which a thread began, with every answer in it, however deep.
ALTER TABLE messages ADD COLUMN root_id TEXT REFERENCES messages (id);
CREATE INDEX messages_by_answer ON messages (reply_to) WHERE reply_to IS NOT NULL;
WITH RECURSIVE tree (id, root) AS (
    SELECT m.id, p.id FROM messages m JOIN messages p ON p.id = m.reply_to
    WHERE m.reply_to IS NOT NULL AND p.reply_to IS NULL
    UNION ALL
    SELECT m.id, tree.root FROM tree JOIN messages m ON m.reply_to = tree.id
)
UPDATE messages SET root_id = tree.root FROM tree WHERE tree.id = messages.id;
DROP INDEX messages_by_answer;
CREATE INDEX messages_by_root ON messages (root_id, no) WHERE root_id IS NOT NULL;

-- By when a message is to be acknowledged, and when the server saw to the reminder before that.
ALTER TABLE messages ADD COLUMN ack_due BIGINT;
ALTER TABLE messages ADD COLUMN due_seen_at BIGINT;
CREATE INDEX messages_ack_due ON messages (ack_due) WHERE ack_due IS NOT NULL AND due_seen_at IS NULL;
