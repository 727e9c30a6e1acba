-- What directs the queue of jobs.
-- Locks: none that anybody waits for.

-- The kinds of jobs that are paused: none of them is claimed while its row is there.
CREATE TABLE sunlead_job_kinds (
    kind TEXT PRIMARY KEY,
    paused_at TIMESTAMPTZ NOT NULL,
    paused_by TEXT
);
