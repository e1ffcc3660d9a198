-- How long a room keeps its messages: days, 0 for ever, and what the organisation's settings say when it is NULL. Nothing is
-- deleted by a rule before `keep_from`. While `held_at` is set nothing is deleted at all. Of messages up to number `expired_no`
-- nothing is left but that they were there: `deleted_at` without `deleted_by`.
ALTER TABLE rooms ADD COLUMN keep_days BIGINT;
ALTER TABLE rooms ADD COLUMN keep_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN expired_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN held_at BIGINT;
ALTER TABLE rooms ADD COLUMN held_by TEXT REFERENCES people (id);

-- When it was last changed; NULL for those from before this was known.
ALTER TABLE drafts ADD COLUMN changed_at BIGINT;

-- What was deleted, by which rule and when, and who set rules. Counts and ids, no texts. Rows are never changed.
CREATE TABLE retention_log (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    at BIGINT NOT NULL,
    -- deleted, beside (what hangs on no message), rule, held, released
    kind TEXT NOT NULL,
    -- Who, unless it was the server.
    by_id TEXT REFERENCES people (id),
    -- The rule in days, NULL when there was none; 1 when the room has it from the organisation.
    keep_days BIGINT,
    inherited BIGINT NOT NULL DEFAULT 0,
    first_no BIGINT,
    last_no BIGINT,
    messages BIGINT NOT NULL DEFAULT 0,
    versions BIGINT NOT NULL DEFAULT 0,
    reactions BIGINT NOT NULL DEFAULT 0,
    drafts BIGINT NOT NULL DEFAULT 0,
    scheduled BIGINT NOT NULL DEFAULT 0,
    files BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    -- Ids with spaces between.
    file_ids TEXT NOT NULL DEFAULT ''
);
CREATE INDEX retention_log_by_room ON retention_log (room_id, id);

-- Events that tell of a message lose what they told when it goes.
CREATE INDEX events_about ON events (message_id) WHERE kind <> 'msg';
CREATE INDEX files_by_room ON files (room_id, created_at);
