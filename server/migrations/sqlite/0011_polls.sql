-- Polls: messages that ask. `told` is the version that the room's last event told of; what is behind is told soon.
CREATE TABLE polls (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    -- A JSON array of texts.
    options TEXT NOT NULL,
    many BIGINT NOT NULL,
    anonymous BIGINT NOT NULL,
    -- Of a quiz.
    right_option BIGINT,
    why TEXT NOT NULL,
    version BIGINT NOT NULL,
    told BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT REFERENCES people (id)
);
CREATE INDEX polls_untold ON polls (message_id) WHERE told < version;

-- One row for each who voted. `voter` is the person; in an anonymous poll it is a name that only the server can make of the
-- person and the poll, with a key that is not in the database. There is no time and no order of voting in it. `choices` has
-- a bit for each answer.
CREATE TABLE poll_votes (
    message_id TEXT NOT NULL REFERENCES polls (message_id) ON DELETE CASCADE,
    voter TEXT NOT NULL,
    choices BIGINT NOT NULL,
    PRIMARY KEY (message_id, voter)
) WITHOUT ROWID;
