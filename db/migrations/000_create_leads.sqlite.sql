-- The twin of 000_create_leads.sql for SQLite: times are UTC microseconds, booleans 0 and 1, and no id
-- is ever given twice.
-- Locks: the file, for moments.
CREATE TABLE IF NOT EXISTS leads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL,
    creator_id INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    address TEXT,
    source INTEGER NOT NULL DEFAULT 4,
    kwh_usage REAL,
    system_size REAL,
    panel_count INTEGER,
    annual_production REAL,
    state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    promo_code TEXT,
    is_2d INTEGER NOT NULL DEFAULT 0 CHECK (is_2d IN (0, 1)),
    external_lead_id TEXT,
    sync_status TEXT CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')),
    last_synced_at INTEGER,
    panel_id INTEGER,
    inverter_id INTEGER,
    utility_id INTEGER,
    roof_material TEXT,
    installation_date INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
