-- What directs the queue of jobs. Times are UTC microseconds.
-- Locks: the file, for a moment.

-- The kinds of jobs that are paused: none of them is claimed while its row is there.
CREATE TABLE sunlead_job_kinds (
    kind TEXT PRIMARY KEY,
    paused_at INTEGER NOT NULL,
    paused_by TEXT
) WITHOUT ROWID;
