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

-- The requests with an Idempotency-Key, for a day: id is the route and the key. A row commits with what its
-- request changed; the answer follows when it is given.
CREATE TABLE sunlead_requests (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    op_id INTEGER NOT NULL,
    status INTEGER,
    location TEXT,
    answer TEXT,
    created_at INTEGER NOT NULL,
    answered_at INTEGER
) WITHOUT ROWID;
CREATE INDEX sunlead_requests_created ON sunlead_requests(created_at);

-- The calls that ordered many models at once; their orders name them.
CREATE TABLE sunlead_batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    op_id INTEGER NOT NULL,
    company_id INTEGER,
    creator_id INTEGER,
    items INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX sunlead_batches_op ON sunlead_batches(op_id);

-- What is kept of files, by company. NULL, or no row: as the settings say.
CREATE TABLE sunlead_companies (
    company_id INTEGER PRIMARY KEY,
    file_retention TEXT,
    file_days INTEGER,
    file_quota INTEGER,
    attribution TEXT,
    updated_at INTEGER NOT NULL
);
