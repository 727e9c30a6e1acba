-- What repeated and large requests need.
-- Times are UTC microseconds.
-- Locks: the file, for a moment.

-- ---- Requests

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
