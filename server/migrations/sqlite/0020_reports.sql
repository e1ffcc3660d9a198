-- Messages that were reported. `by_id` is absent when the server reports by itself. `body` and `files` (JSON) are what the message
-- was then, whatever becomes of it. `seen_at` is when the reporter saw the outcome.
CREATE TABLE reports (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    by_id TEXT REFERENCES people (id),
    about_id TEXT NOT NULL REFERENCES people (id),
    reason TEXT NOT NULL,
    words TEXT NOT NULL,
    body TEXT NOT NULL,
    files TEXT NOT NULL,
    at BIGINT NOT NULL,
    decision TEXT,
    decided_by TEXT REFERENCES people (id),
    decided_at BIGINT,
    seen_at BIGINT
);
-- One open report for each person and message.
CREATE UNIQUE INDEX reports_open ON reports (message_id, COALESCE(by_id, '')) WHERE decided_at IS NULL;
CREATE INDEX reports_by_message ON reports (message_id);
CREATE INDEX reports_decided ON reports (decided_at);
-- What a reporter is still to be told.
CREATE INDEX reports_unseen ON reports (by_id) WHERE decided_at IS NOT NULL AND seen_at IS NULL;

-- Who may not write in a room, and until when; 9223372036854775807 when that has no end.
CREATE TABLE mutes (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    until_at BIGINT NOT NULL,
    by_id TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (room_id, person_id)
);

-- In slow rooms people other than the staff write once in so many seconds; `paces` has when they wrote last while it was slow.
ALTER TABLE rooms ADD COLUMN slow_seconds BIGINT NOT NULL DEFAULT 0;
CREATE TABLE paces (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id)
);
