-- The words of messages, stemmed, and of the names of their files. Ids tell the order: whoever was stored later has the
-- greater one, and messages from before this table get ids below all others.
CREATE TABLE search (
    id INTEGER PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
    words TEXT NOT NULL
);
-- Words come folded already; `_` is in those that stand for something else.
CREATE VIRTUAL TABLE search_words USING fts5 (
    words, content = 'search', content_rowid = 'id', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);
CREATE TRIGGER search_added AFTER INSERT ON search BEGIN
    INSERT INTO search_words (rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER search_removed AFTER DELETE ON search BEGIN
    INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.id, old.words);
END;
CREATE TRIGGER search_changed AFTER UPDATE ON search BEGIN
    INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.id, old.words);
    INSERT INTO search_words (rowid, words) VALUES (new.id, new.words);
END;

-- The newest message from before that is not there yet; no row when there is none.
CREATE TABLE search_debt (upto TEXT NOT NULL);
INSERT INTO search_debt SELECT newest FROM (SELECT MAX(id) AS newest FROM messages) AS m WHERE newest IS NOT NULL;
