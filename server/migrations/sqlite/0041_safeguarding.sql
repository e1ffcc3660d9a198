-- Since when somebody of the staff is responsible for the safety of children (milliseconds since 1970).
ALTER TABLE people ADD COLUMN safeguarding_at BIGINT;
-- The administrator who wants that, and since when, until another one confirms it.
ALTER TABLE people ADD COLUMN safeguarding_asked_by TEXT REFERENCES people (id);
ALTER TABLE people ADD COLUMN safeguarding_asked_at BIGINT;

-- What rooms of a learner and an adult are, as the server that started last was told.
CREATE TABLE learner_policy (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    policy TEXT NOT NULL
);
INSERT INTO learner_policy (one, policy) VALUES (1, 'private');

-- 0: made by somebody of the staff who is no administrator.
ALTER TABLE rooms ADD COLUMN course BIGINT NOT NULL DEFAULT 1;
UPDATE rooms SET course = 0
WHERE made_as IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM people p
    WHERE p.role = 'administrator' AND substr(rooms.made_as, 1, length(p.id) + 6) = 'made:' || p.id || ':');

-- Number of the last message that was there when the members were told that who is responsible for the safety of children may read
-- on. Absent: nobody may now.
ALTER TABLE rooms ADD COLUMN safeguarded_after BIGINT;
-- The same of earlier times that are over: they may read the messages with from_no < no <= until_no.
CREATE TABLE safeguarded_before (
    room_id TEXT NOT NULL REFERENCES rooms (id),
    from_no BIGINT NOT NULL,
    until_no BIGINT NOT NULL,
    PRIMARY KEY (room_id, from_no)
);

-- 1: whoever wrote it had been told that it may be read.
ALTER TABLE scheduled ADD COLUMN noticed BIGINT NOT NULL DEFAULT 0;
-- 1: the mail said that answers may be read.
ALTER TABLE mail_replies ADD COLUMN noticed BIGINT NOT NULL DEFAULT 0;

-- 1: opened by who is responsible for the safety of children; nobody else has decided about it.
ALTER TABLE inspections ADD COLUMN alone BIGINT NOT NULL DEFAULT 0;
