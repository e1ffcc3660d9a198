-- Requests of administrators to read a conversation of two that they are not in. Whoever decides is never whoever asks. Rows stay
-- as they end; `ended_by` is absent when nobody answered in time.
CREATE TABLE inspections (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    by_id TEXT NOT NULL REFERENCES people (id),
    reason TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    -- granted, refused
    decision TEXT,
    decided_by TEXT REFERENCES people (id) CHECK (decided_by <> by_id),
    decided_at BIGINT,
    -- When reading ends by itself.
    until_at BIGINT,
    ended_by TEXT REFERENCES people (id),
    ended_at BIGINT
);
-- One of a person that waits, for each conversation.
CREATE UNIQUE INDEX inspections_waiting ON inspections (room_id, by_id) WHERE decision IS NULL AND ended_at IS NULL;
CREATE INDEX inspections_by_room ON inspections (room_id);
CREATE INDEX inspections_asked ON inspections (asked_at);
