-- Year and month of each message among its words, so that the index leaves out what is of another time. Words of those that were
-- deleted are empty and stay so.
UPDATE search SET words = search.words
    || array_to_tsvector(string_to_array(to_char(to_timestamp(m.at / 1000) AT TIME ZONE 'UTC', '"_y"YYYY "_t"YYYYMM'), ' '))
FROM messages m WHERE m.id = search.message_id AND search.words <> CAST('' AS tsvector);
