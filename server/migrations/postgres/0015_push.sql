-- The key by which push services know this school; one row, made when it is first needed.
CREATE TABLE push_key (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    pkcs8 TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Browsers that want to be told while the page is closed, one for each session; it goes with the session.
CREATE TABLE push_subscriptions (
    session_hash TEXT PRIMARY KEY NOT NULL REFERENCES sessions (token_hash) ON DELETE CASCADE,
    person_id TEXT NOT NULL REFERENCES people (id),
    endpoint TEXT NOT NULL UNIQUE,
    point TEXT NOT NULL,
    auth TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX push_subscriptions_by_person ON push_subscriptions (person_id);

-- Up to which message of a room somebody was told by push: the next one is when they have read that.
CREATE TABLE pushed (
    room_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    no BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id),
    FOREIGN KEY (room_id, person_id) REFERENCES members (room_id, person_id) ON DELETE CASCADE
);
