-- The twin of 003_count_leads.sql for SQLite, where nobody else writes meanwhile.
-- Locks: the file, while all of leads is read.
DELETE FROM sunlead_lead_counts;
INSERT INTO sunlead_lead_counts (company_id, has_3d_model, leads)
SELECT company_id, lightfusion_3d_project_id IS NOT NULL, count(*) FROM leads GROUP BY 1, 2;
