-- Locks: leads, for moments: the columns and indexes were made before where it has rows.
-- File: db/migrations/001_add_3d_fields_to_leads.sql
ALTER TABLE leads 
ADD COLUMN IF NOT EXISTS lightfusion_3d_project_id INTEGER,
ADD COLUMN IF NOT EXISTS lightfusion_3d_house_id INTEGER,
ADD COLUMN IF NOT EXISTS model_3d_status VARCHAR(50),
ADD COLUMN IF NOT EXISTS model_3d_created_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS model_3d_completed_at TIMESTAMPTZ;

CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_project_id ON leads(lightfusion_3d_project_id);
CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_house_id ON leads(lightfusion_3d_house_id);
CREATE INDEX IF NOT EXISTS idx_leads_model_3d_status ON leads(model_3d_status);
