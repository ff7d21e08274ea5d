-- Version 5. Metric points whose step is not closed yet. Their series stand beside them under a number.

CREATE TABLE journal (number INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE journal_series (number INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL);
