-- Voice and short video messages: what was recorded ('' when the file is none), how long it is in milliseconds, and how loud
-- from beginning to end, a digit of base 32 for each step.
ALTER TABLE files ADD COLUMN recorded TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN recorded_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN wave TEXT NOT NULL DEFAULT '';

-- Files in which a virus was found: nobody gets them, and they are in no message.
CREATE TABLE quarantine (
    file_id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    owner_id TEXT NOT NULL REFERENCES people (id),
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    virus TEXT NOT NULL,
    found_at BIGINT NOT NULL
);
CREATE INDEX quarantine_by_room ON quarantine (room_id, found_at);
