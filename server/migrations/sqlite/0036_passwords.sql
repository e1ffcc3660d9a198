-- Set while somebody has a one-time password that another person made: until then it signs in (milliseconds since 1970), and
-- whoever does so can only choose a password of their own.
ALTER TABLE people ADD COLUMN once_until BIGINT;

-- How often all or the other sessions of a person were ended at once: servers look at it, since the command line cannot tell
-- them. One row.
CREATE TABLE sessions_ended (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    times BIGINT NOT NULL
);
INSERT INTO sessions_ended (one, times) VALUES (1, 0);
