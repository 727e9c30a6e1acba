-- The twin of 001_add_3d_fields_to_leads.sql for SQLite, which adds one column a statement, has no
-- ADD COLUMN IF NOT EXISTS and keeps times as UTC microseconds.
-- Locks: the file, for as long as the indexes take.
ALTER TABLE leads ADD COLUMN lightfusion_3d_project_id INTEGER;
ALTER TABLE leads ADD COLUMN lightfusion_3d_house_id INTEGER;
ALTER TABLE leads ADD COLUMN model_3d_status VARCHAR(50);
ALTER TABLE leads ADD COLUMN model_3d_created_at INTEGER;
ALTER TABLE leads ADD COLUMN model_3d_completed_at INTEGER;

CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_project_id ON leads(lightfusion_3d_project_id);
CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_house_id ON leads(lightfusion_3d_house_id);
CREATE INDEX IF NOT EXISTS idx_leads_model_3d_status ON leads(model_3d_status);
