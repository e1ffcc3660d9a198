-- When somebody was to be told, and whether the push service took it: a server that died in between leaves no silence.
ALTER TABLE pushed ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE pushed ADD COLUMN taken BIGINT NOT NULL DEFAULT 1;
