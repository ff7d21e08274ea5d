-- Version 1. Every record is a JSON `body` with a checksum over key and body; the other columns are for finding and ordering it.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE position (stream_key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL);

CREATE TABLE incident (
    dedup_key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX incident_by_state ON incident (state, last_seen_ms);
CREATE INDEX incident_by_time ON incident (last_seen_ms);

CREATE TABLE finding (id INTEGER PRIMARY KEY, dedup_key TEXT NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX finding_by_incident ON finding (dedup_key, id);

-- Alerts that are owed, in the order they were written. `is_standing`: delivered, and to be repeated until something newer is said.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    action TEXT NOT NULL,
    is_standing INTEGER NOT NULL DEFAULT 0,
    queued_ms INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failing_since_ms INTEGER,
    problem TEXT NOT NULL DEFAULT '',
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX outbox_by_key ON outbox (receiver, dedup_key, id);

-- What a sink wants to be given with the next alert of the same dedup key.
CREATE TABLE note (receiver TEXT NOT NULL, dedup_key TEXT NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (receiver, dedup_key))
WITHOUT ROWID;

-- One row an attempt: delivered, failed, given_up or superseded.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    action TEXT NOT NULL,
    seq INTEGER NOT NULL,
    result TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    problem TEXT NOT NULL
);
CREATE INDEX delivery_by_incident ON delivery (dedup_key, id);

CREATE TABLE command (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, arguments TEXT NOT NULL);
CREATE TABLE dead_letter (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, stream TEXT NOT NULL, position TEXT NOT NULL, reason TEXT NOT NULL, sample BLOB NOT NULL);
CREATE TABLE lost (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
