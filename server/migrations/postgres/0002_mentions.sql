-- Who is mentioned in which message. Unread mentions of a person in a room are those beyond their read pointer.
CREATE TABLE mentions (
    person_id TEXT NOT NULL REFERENCES people (id),
    room_id TEXT NOT NULL,
    no BIGINT NOT NULL,
    PRIMARY KEY (person_id, room_id, no),
    FOREIGN KEY (room_id, no) REFERENCES messages (room_id, no)
);
CREATE INDEX mentions_by_message ON mentions (room_id, no, person_id);
