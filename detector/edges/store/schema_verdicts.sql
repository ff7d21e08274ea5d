-- Version 4. What signals were found to be after a change: a row a signal and window, and one (window 0) for all windows so far.

CREATE TABLE verdict (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    change_id TEXT NOT NULL,
    signal TEXT NOT NULL,
    in_window INTEGER NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (service, change_id, signal, in_window)
);
CREATE INDEX verdict_by_change ON verdict (change_id, id);

-- Baselines that mirrors are still to be told of, whoever added them: the daemon, or a command beside it.
CREATE TABLE baseline_news (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER baseline_added AFTER INSERT ON baseline BEGIN
    INSERT OR IGNORE INTO baseline_news VALUES (new.digest);
END;
