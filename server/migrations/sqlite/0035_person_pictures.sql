-- Pictures of people: small, so that they are written and copied with everything else. Another picture has another id.
CREATE TABLE person_pictures (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    jpeg BLOB NOT NULL
);
