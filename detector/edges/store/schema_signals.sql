-- Version 3. Signals over time, what was changed, and how it was before.

CREATE TABLE signal (id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, UNIQUE (service, name, unit));

-- As they came: a row a checkpoint and group of signals. Tables with a rowid, because others cannot hold more than a quarter of a
-- page in one place.
CREATE TABLE fresh_cells (id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL, cells INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX fresh_cells_by_group ON fresh_cells (group_id, cells);

-- Packed: a row a signal and some hours of one day. What each day holds stands beside it, for the limits.
CREATE TABLE packed_cells (
    id INTEGER PRIMARY KEY,
    day INTEGER NOT NULL,
    signal_id INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    cells INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX packed_cells_by_day ON packed_cells (day, signal_id, first_ms);
CREATE TABLE packed_day (day INTEGER PRIMARY KEY, cells INTEGER NOT NULL, bytes INTEGER NOT NULL);

CREATE TABLE change (id TEXT PRIMARY KEY, service TEXT NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX change_by_service ON change (service, at_ms);

-- `body` is canonical JSON under gzip; `digest` is the SHA-256 of that JSON.
CREATE TABLE baseline (
    digest TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    version INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX baseline_by_service ON baseline (service, version);
