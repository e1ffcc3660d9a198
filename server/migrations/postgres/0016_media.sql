-- Voice and short video messages: what was recorded ('' when the file is none), how long it is in milliseconds, and how loud
-- from beginning to end, a digit of base 32 for each step.
ALTER TABLE files ADD COLUMN recorded TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN recorded_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN wave TEXT NOT NULL DEFAULT '';
