-- What a room is for, who may write in it (members, staff, nobody), and since when it is only read.
ALTER TABLE rooms ADD COLUMN kind TEXT NOT NULL DEFAULT 'group';
ALTER TABLE rooms ADD COLUMN writers TEXT NOT NULL DEFAULT 'members';
ALTER TABLE rooms ADD COLUMN archived_at BIGINT;
-- By which wish it was made: of two requests with the same wish one makes the room and the other finds it. Two people have
-- one conversation of their own.
ALTER TABLE rooms ADD COLUMN made_as TEXT;
CREATE UNIQUE INDEX rooms_by_wish ON rooms (made_as);
CREATE INDEX rooms_direct ON rooms (kind) WHERE kind = 'direct';

-- Grows whenever a person's rooms, or anything but messages in them, change: connections compare it with what they told.
ALTER TABLE people ADD COLUMN rooms_version BIGINT NOT NULL DEFAULT 0;

-- Who was a member once: their messages keep a name.
CREATE TABLE former_members (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    left_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, person_id)
);
