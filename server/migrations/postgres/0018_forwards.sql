-- Whose words a message passes on.
ALTER TABLE messages ADD COLUMN forwarded_from TEXT REFERENCES people (id);
