-- The tables beside leads: model orders, jobs, files, events, counters.
-- Times are UTC microseconds.
-- Locks: the file, for as long as the indexes take.

CREATE TABLE sunlead_orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lead_id INTEGER NOT NULL,
    company_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    project_id INTEGER,
    house_id INTEGER,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    request TEXT NOT NULL,
    progress INTEGER,
    system_size REAL,
    panel_count INTEGER,
    annual_production REAL,
    estimated_cost REAL,
    annual_savings REAL,
    details TEXT,
    failure TEXT,
    failure_detail TEXT,
    files TEXT NOT NULL,
    answered INTEGER NOT NULL,
    polls INTEGER NOT NULL,
    lookups INTEGER NOT NULL,
    requested_at INTEGER,
    sending_at INTEGER,
    created_at INTEGER,
    polled_at INTEGER,
    poll_failed INTEGER NOT NULL,
    unfinished_at INTEGER,
    completed_at INTEGER,
    updated_at INTEGER,
    batch_id INTEGER,
    reference TEXT
);

-- At most one live order a lead.
CREATE UNIQUE INDEX sunlead_orders_live ON sunlead_orders(lead_id)
    WHERE state IN ('requested', 'sending', 'unknown', 'parked', 'created', 'processing');
CREATE INDEX sunlead_orders_lead ON sunlead_orders(lead_id, id);
CREATE INDEX sunlead_orders_company ON sunlead_orders(company_id, id);
CREATE INDEX sunlead_orders_batch ON sunlead_orders(batch_id, id) WHERE batch_id IS NOT NULL;
CREATE UNIQUE INDEX sunlead_orders_op ON sunlead_orders(op_id);
CREATE UNIQUE INDEX sunlead_orders_project ON sunlead_orders(project_id)
    WHERE project_id IS NOT NULL;
-- What a client calls an order in a batch is ordered once.
CREATE UNIQUE INDEX sunlead_orders_reference ON sunlead_orders(company_id, reference)
    WHERE reference IS NOT NULL;
CREATE INDEX sunlead_orders_house ON sunlead_orders(house_id) WHERE house_id IS NOT NULL;

-- Those that wait for a person.
CREATE INDEX sunlead_orders_parked ON sunlead_orders(id) WHERE state = 'parked';

-- How long the newest models took.
CREATE INDEX sunlead_orders_history ON sunlead_orders(created_at)
    WHERE state = 'completed' AND answered;

CREATE TABLE sunlead_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    company_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    run_at INTEGER,
    lease_until INTEGER,
    worker INTEGER,
    last_error TEXT,
    history TEXT,
    created_at INTEGER,
    updated_at INTEGER
);
-- One live job per kind and order.
CREATE UNIQUE INDEX sunlead_jobs_live ON sunlead_jobs(order_id, kind)
    WHERE state IN ('ready', 'running');
-- Those that wait for their time, or go by it.
CREATE INDEX sunlead_jobs_due ON sunlead_jobs(kind, run_at) WHERE state = 'ready' AND turn = 0;
-- Those that take turns: who is next, and the last turn of each company.
CREATE INDEX sunlead_jobs_turn ON sunlead_jobs(kind, priority, turn, run_at)
    WHERE state = 'ready' AND turn > 0;
CREATE INDEX sunlead_jobs_company ON sunlead_jobs(kind, priority, company_id, turn)
    WHERE state = 'ready' AND turn > 0;
-- Few: the time of the lease is in no index, so that renewing it costs no index entries.
CREATE INDEX sunlead_jobs_running ON sunlead_jobs(kind, company_id) WHERE state = 'running';
CREATE INDEX sunlead_jobs_ended ON sunlead_jobs(updated_at) WHERE state IN ('dead', 'cancelled');

CREATE TABLE sunlead_files (
    project_id INTEGER NOT NULL,
    company_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    size INTEGER,
    sha256 TEXT,
    content_type TEXT,
    error TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    data TEXT,
    updated_at INTEGER,
    PRIMARY KEY (project_id, name)
) WITHOUT ROWID;
-- What a company has, and since when; what is too old, of all. Files are asked for by their content.
CREATE INDEX sunlead_files_company ON sunlead_files(company_id, updated_at, size)
    WHERE state = 'stored';
CREATE INDEX sunlead_files_stored ON sunlead_files(updated_at) WHERE state = 'stored';
CREATE INDEX sunlead_files_sha256 ON sunlead_files(sha256) WHERE sha256 IS NOT NULL;

-- Contents that the store of files may have although no row of sunlead_files names them: about to be
-- stored, or not named any more. removing: nobody may store it until it is gone.
CREATE TABLE sunlead_loose_files (
    sha256 TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    removing INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sunlead_loose_files_since ON sunlead_loose_files(since);

-- Kept by triggers, so that it holds whoever takes a row's content away.
CREATE TRIGGER sunlead_file_changed AFTER UPDATE OF sha256 ON sunlead_files
WHEN old.sha256 IS NOT NULL AND old.sha256 IS NOT new.sha256
BEGIN
    INSERT INTO sunlead_loose_files (sha256, since, removing)
    VALUES (old.sha256, coalesce(new.updated_at, old.updated_at, unixepoch() * 1000000), FALSE)
    ON CONFLICT DO UPDATE SET since = max(since, excluded.since) WHERE NOT removing;
END;

CREATE TRIGGER sunlead_file_deleted AFTER DELETE ON sunlead_files
WHEN old.sha256 IS NOT NULL
BEGIN
    INSERT INTO sunlead_loose_files (sha256, since, removing)
    VALUES (old.sha256, coalesce(old.updated_at, unixepoch() * 1000000), FALSE)
    ON CONFLICT DO UPDATE SET since = max(since, excluded.since) WHERE NOT removing;
END;

-- What happened, in order: one row for each change that somebody may ask about.
CREATE TABLE sunlead_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    lead_id INTEGER,
    order_id INTEGER,
    op_id INTEGER,
    data TEXT
);
CREATE INDEX sunlead_events_order ON sunlead_events(order_id) WHERE order_id IS NOT NULL;
CREATE INDEX sunlead_events_op ON sunlead_events(op_id) WHERE op_id IS NOT NULL;

-- Which id in LightFusion's status has equalled the project id on ordinary orders.
CREATE TABLE sunlead_project_id_sources (
    source TEXT PRIMARY KEY,
    equal INTEGER NOT NULL,
    differed INTEGER NOT NULL
) WITHOUT ROWID;

-- How many leads a company has, with and without a model. Kept by triggers, so that it holds whoever writes.
CREATE TABLE sunlead_lead_counts (
    company_id INTEGER NOT NULL,
    has_3d_model INTEGER NOT NULL,
    leads INTEGER NOT NULL,
    PRIMARY KEY (company_id, has_3d_model)
) WITHOUT ROWID;

CREATE VIEW sunlead_lead_totals AS
SELECT company_id, has_3d_model, leads FROM sunlead_lead_counts;

CREATE TRIGGER sunlead_lead_inserted AFTER INSERT ON leads
BEGIN
    INSERT INTO sunlead_lead_counts (company_id, has_3d_model, leads)
    VALUES (new.company_id, new.lightfusion_3d_project_id IS NOT NULL, 1)
    ON CONFLICT DO UPDATE SET leads = leads + 1;
END;

CREATE TRIGGER sunlead_lead_deleted AFTER DELETE ON leads
BEGIN
    UPDATE sunlead_lead_counts SET leads = leads - 1
    WHERE company_id = old.company_id
      AND has_3d_model = (old.lightfusion_3d_project_id IS NOT NULL);
END;

CREATE TRIGGER sunlead_lead_moved AFTER UPDATE OF company_id, lightfusion_3d_project_id ON leads
WHEN new.company_id <> old.company_id
  OR (new.lightfusion_3d_project_id IS NULL) <> (old.lightfusion_3d_project_id IS NULL)
BEGIN
    UPDATE sunlead_lead_counts SET leads = leads - 1
    WHERE company_id = old.company_id
      AND has_3d_model = (old.lightfusion_3d_project_id IS NOT NULL);
    INSERT INTO sunlead_lead_counts (company_id, has_3d_model, leads)
    VALUES (new.company_id, new.lightfusion_3d_project_id IS NOT NULL, 1)
    ON CONFLICT DO UPDATE SET leads = leads + 1;
END;

-- Newest first, of one company or of all, with or without the condition has_3d_model=true.
CREATE INDEX sunlead_leads_company ON leads(company_id, id);
CREATE INDEX sunlead_leads_company_3d ON leads(company_id, id)
    WHERE lightfusion_3d_project_id IS NOT NULL;
CREATE INDEX sunlead_leads_3d ON leads(id) WHERE lightfusion_3d_project_id IS NOT NULL;
