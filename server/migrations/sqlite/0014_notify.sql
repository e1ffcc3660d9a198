-- What a person wants to be told of. `version` grows with every change, of rooms too. Times of the day are minutes after
-- midnight in `zone`, a name of the IANA database; `paused_until` is 9223372036854775807 when it has no end.
CREATE TABLE notify (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    version BIGINT NOT NULL,
    quiet_from BIGINT,
    quiet_to BIGINT,
    zone TEXT,
    paused_until BIGINT
);

-- Rooms of which something else than every message is told; `muted_until` likewise.
CREATE TABLE notify_rooms (
    person_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    level TEXT NOT NULL,
    muted_until BIGINT,
    PRIMARY KEY (person_id, room_id),
    FOREIGN KEY (room_id, person_id) REFERENCES members (room_id, person_id) ON DELETE CASCADE
);
CREATE INDEX notify_rooms_by_room ON notify_rooms (room_id, person_id);
