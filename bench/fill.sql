-- 100,000 leads: 200 companies of 500, every fifth lead with a completed model.
INSERT INTO leads (company_id, creator_id, latitude, longitude, address, source, kwh_usage,
                   system_size, panel_count, annual_production, lightfusion_3d_project_id,
                   lightfusion_3d_house_id, model_3d_status, model_3d_created_at,
                   model_3d_completed_at, created_at, updated_at)
SELECT n % 200 + 1, n % 17 + 1, 30 + n % 1500 / 100.0, -120 + n % 5000 / 100.0,
       n || ' Solar St, San Francisco, CA 94102', n % 5, 6000 + n % 9000,
       4 + n % 80 / 10.0, 10 + n % 30, 5000 + n % 12000,
       CASE WHEN n % 5 = 0 THEN n END, CASE WHEN n % 5 = 0 THEN n + 1000000 END,
       CASE WHEN n % 5 = 0 THEN 'completed' END,
       CASE WHEN n % 5 = 0 THEN to_timestamp(1767225600 + n) END,
       CASE WHEN n % 5 = 0 THEN to_timestamp(1767225660 + n) END,
       to_timestamp(1767225600 + n), to_timestamp(1767225600 + n)
FROM generate_series(1, 100000) AS n;
VACUUM ANALYZE;
