-- Messages that are to be sent later. `claimed_at` is when a server began to send one.
CREATE TABLE scheduled (
    person_id TEXT NOT NULL REFERENCES people (id),
    client_id TEXT NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id),
    due_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    reply_to TEXT,
    -- Ids with spaces between.
    files TEXT NOT NULL,
    men TEXT NOT NULL,
    claimed_at BIGINT,
    -- Why it was not sent.
    refused TEXT,
    PRIMARY KEY (person_id, client_id)
);
CREATE INDEX scheduled_due ON scheduled (due_at) WHERE refused IS NULL;
