-- Programs that write into rooms. Their names are in `people`, where they have the role `bot`, no password and no login that could
-- be typed. Only the SHA-256 of a token is kept, as with sessions.
CREATE TABLE bots (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    token_hash TEXT NOT NULL UNIQUE,
    reads BIGINT NOT NULL,
    made_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT
);

-- Where they may. They are in `former_members` too, so that their messages have a name.
CREATE TABLE bot_rooms (
    person_id TEXT NOT NULL REFERENCES people (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    PRIMARY KEY (person_id, room_id)
);
CREATE INDEX bot_rooms_by_room ON bot_rooms (room_id);
