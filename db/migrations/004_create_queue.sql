-- What processes share beside orders and jobs.
-- Locks: nothing.

-- The way to LightFusion: whether a person isolated it, and the budget of calls a minute. One row, which
-- changes all the time: room for that on its page.
CREATE TABLE sunlead_upstreams (
    name TEXT PRIMARY KEY,
    isolated_at TIMESTAMPTZ,
    free_us BIGINT NOT NULL,
    leased BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO sunlead_upstreams (name, free_us, leased) VALUES ('lightfusion', 0, 0);

-- What was said to LightFusion for an order, and answered: the last exchange of each call and outcome.
-- The id is made of the order's.
CREATE TABLE sunlead_exchanges (
    id BIGINT PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    call TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times BIGINT NOT NULL,
    status BIGINT,
    duration_ms BIGINT NOT NULL,
    request TEXT,
    answer TEXT
) WITH (fillfactor = 70);

-- The kinds of jobs that are paused: none of them is claimed while its row is there.
CREATE TABLE sunlead_job_kinds (
    kind TEXT PRIMARY KEY,
    paused_at TIMESTAMPTZ NOT NULL,
    paused_by TEXT
);
