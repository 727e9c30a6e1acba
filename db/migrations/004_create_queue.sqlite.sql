-- What processes share beside orders and jobs. Times are UTC microseconds.
-- Locks: the file, for moments.

-- The way to LightFusion: whether a person isolated it, and the budget of calls a minute. One row.
CREATE TABLE sunlead_upstreams (
    name TEXT PRIMARY KEY,
    isolated_at INTEGER,
    free_us INTEGER NOT NULL,
    leased INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sunlead_upstreams (name, free_us, leased) VALUES ('lightfusion', 0, 0);

-- What was said to LightFusion for an order, and answered: the last exchange of each call and outcome.
-- The id is made of the order's.
CREATE TABLE sunlead_exchanges (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    call TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    status INTEGER,
    duration_ms INTEGER NOT NULL,
    request TEXT,
    answer TEXT
);

-- The kinds of jobs that are paused: none of them is claimed while its row is there.
CREATE TABLE sunlead_job_kinds (
    kind TEXT PRIMARY KEY,
    paused_at INTEGER NOT NULL,
    paused_by TEXT
) WITHOUT ROWID;
