-- Since when somebody of the staff is responsible for the safety of children (milliseconds since 1970).
ALTER TABLE people ADD COLUMN safeguarding_at BIGINT;

-- Number of the last message that was there when the two were told that who is responsible for the safety of children may read on.
-- Absent: nobody may.
ALTER TABLE rooms ADD COLUMN safeguarded_after BIGINT;

-- 1: opened by who is responsible for the safety of children; nobody else has decided about it.
ALTER TABLE inspections ADD COLUMN alone BIGINT NOT NULL DEFAULT 0;
