-- What messages may say, as JSON; no row before somebody has set something. `version` grows with every change.
CREATE TABLE rules (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    version BIGINT NOT NULL,
    rules TEXT NOT NULL
);
