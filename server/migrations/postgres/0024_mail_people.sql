-- Where people get mail, and when. `address` is confirmed; `pending` waits for the link or the code of a mail, of which only
-- hashes are kept.
CREATE TABLE mail_people (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    address TEXT,
    -- Its mail server refused it for good, then.
    failing_at BIGINT,
    pending TEXT,
    token_hash TEXT UNIQUE,
    code_hash TEXT,
    code_tries BIGINT NOT NULL,
    pending_until BIGINT,
    -- Mails to confirm an address since then.
    asked_from BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    lang TEXT NOT NULL,
    zone TEXT NOT NULL,
    told TEXT NOT NULL,
    digest_minute BIGINT NOT NULL,
    -- When the next digest is due.
    digest_at BIGINT
);
CREATE INDEX mail_people_digests ON mail_people (digest_at) WHERE digest_at IS NOT NULL;
