-- Pictures of rooms: small, so that they are written and copied with everything else. Another picture has another id.
CREATE TABLE room_pictures (
    room_id TEXT PRIMARY KEY NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    jpeg BYTEA NOT NULL
);
