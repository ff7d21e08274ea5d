-- Version 2. What mirrors and topics have not all taken yet, in the order in which it was found or done, and how far each of them is.

CREATE TABLE feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX feed_by_kind ON feed (kind, key, id);
CREATE TABLE feed_cursor (consumer TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
