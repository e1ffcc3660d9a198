-- Times are milliseconds since 1970 in UTC. Ids are UUIDs as text.
CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Only the SHA-256 of a session's token is kept: a copy of the database opens no session.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person_id);

CREATE TABLE rooms (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    epoch TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_no BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE members (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    read_no BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id)
);
CREATE INDEX members_by_person ON members (person_id);

CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    sender_id TEXT NOT NULL REFERENCES people (id),
    client_id TEXT NOT NULL,
    reply_to TEXT REFERENCES messages (id),
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (sender_id, client_id),
    UNIQUE (room_id, no),
    UNIQUE (room_id, seq)
);

CREATE TABLE calls (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);
-- A room has at most one lesson at a time.
CREATE UNIQUE INDEX calls_open ON calls (room_id) WHERE ended_at IS NULL;

-- The log of a room: seq is 1, 2, 3 … without gaps, taken in the transaction that writes the row.
CREATE TABLE events (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    message_id TEXT REFERENCES messages (id),
    call_id TEXT REFERENCES calls (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (room_id, seq)
);

CREATE TABLE files (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    owner_id TEXT NOT NULL REFERENCES people (id),
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    mime TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    preview_w BIGINT NOT NULL,
    preview_h BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE attachments (
    message_id TEXT NOT NULL REFERENCES messages (id),
    position BIGINT NOT NULL,
    file_id TEXT NOT NULL REFERENCES files (id),
    PRIMARY KEY (message_id, position)
);
CREATE INDEX attachments_by_file ON attachments (file_id);
-- The lesson that is on at a position is found without walking the messages.
CREATE INDEX events_of_calls ON events (room_id, seq) WHERE call_id IS NOT NULL;
