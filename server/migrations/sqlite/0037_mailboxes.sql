-- Mailboxes from which answers to mails are fetched, and how far. One server looks into a mailbox at a time: it holds it until
-- `held_until` (milliseconds since 1970) and renews that as long as it lives.
CREATE TABLE mailboxes (
    -- User, server and folder.
    name TEXT PRIMARY KEY NOT NULL,
    -- UIDVALIDITY: under another one numbers mean other mails.
    validity BIGINT NOT NULL,
    -- Mails up to this number have been looked at.
    uid BIGINT NOT NULL,
    held_by TEXT NOT NULL,
    held_until BIGINT NOT NULL
);
