-- Year and month of each message among its words, so that the index leaves out what is of another time. Words of those that were
-- deleted are empty and stay so.
UPDATE search SET words = search.words || strftime(' _y%Y _t%Y%m', m.at / 1000, 'unixepoch')
FROM messages m WHERE m.id = search.message_id AND search.words <> '';
