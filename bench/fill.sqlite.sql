-- The twin of fill.sql for SQLite, whose times are UTC microseconds.
BEGIN;
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
INSERT INTO leads (company_id, creator_id, latitude, longitude, address, source, kwh_usage,
                   system_size, panel_count, annual_production, lightfusion_3d_project_id,
                   lightfusion_3d_house_id, model_3d_status, model_3d_created_at,
                   model_3d_completed_at, created_at, updated_at)
SELECT n % 200 + 1, n % 17 + 1, 30 + n % 1500 / 100.0, -120 + n % 5000 / 100.0,
       n || ' Solar St, San Francisco, CA 94102', n % 5, 6000 + n % 9000,
       4 + n % 80 / 10.0, 10 + n % 30, 5000 + n % 12000,
       CASE WHEN n % 5 = 0 THEN n END, CASE WHEN n % 5 = 0 THEN n + 1000000 END,
       CASE WHEN n % 5 = 0 THEN 'completed' END,
       CASE WHEN n % 5 = 0 THEN 1767225600000000 + n * 1000000 END,
       CASE WHEN n % 5 = 0 THEN 1767225660000000 + n * 1000000 END,
       1767225600000000 + n * 1000000, 1767225600000000 + n * 1000000
FROM numbers;
COMMIT;
