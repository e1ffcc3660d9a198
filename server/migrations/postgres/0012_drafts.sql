-- What people have written and not sent. A row stays when nothing is left of it: its version goes on.
CREATE TABLE drafts (
    person_id TEXT NOT NULL REFERENCES people (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    body TEXT NOT NULL,
    -- Ids of those mentioned, with spaces between.
    men TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (person_id, room_id)
);
