-- The leads as they are before they have 3D models. A database that has a leads table keeps its own.
-- Locks: nothing.
CREATE TABLE IF NOT EXISTS leads (
    id BIGSERIAL PRIMARY KEY,
    company_id BIGINT NOT NULL,
    creator_id BIGINT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    address TEXT,
    source INTEGER NOT NULL DEFAULT 4,
    kwh_usage DOUBLE PRECISION,
    system_size DOUBLE PRECISION,
    panel_count INTEGER,
    annual_production DOUBLE PRECISION,
    state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    promo_code TEXT,
    is_2d BOOLEAN NOT NULL DEFAULT FALSE,
    external_lead_id TEXT,
    sync_status TEXT CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')),
    last_synced_at TIMESTAMPTZ,
    panel_id BIGINT,
    inverter_id BIGINT,
    utility_id BIGINT,
    roof_material TEXT,
    installation_date TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
