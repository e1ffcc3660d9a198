-- Cameras that publish and displays that play, each with a bearer token for the lessons of one room. Only the SHA-256 of
-- the token is kept, as with sessions.
CREATE TABLE devices (
    id TEXT PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    made_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX devices_by_room ON devices (room_id);
