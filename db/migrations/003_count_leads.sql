-- Counts the leads that were there before the triggers of 002 began to count.
-- Locks: nothing, and reads all of leads.

-- One statement sees both tables as they were at one moment: what the triggers have counted until
-- then is a part of the rows that it finds. So it may run again: it adds what is missing. A table with
-- partitions needs that when one of them was attached, detached, dropped or emptied by itself.
INSERT INTO sunlead_lead_counts (company_id, has_3d_model, leads)
SELECT company_id, has_3d_model, sum(leads)
FROM (SELECT coalesce(company_id, 0) AS company_id,
             lightfusion_3d_project_id IS NOT NULL AS has_3d_model, count(*) AS leads
      FROM leads GROUP BY 1, 2
      UNION ALL
      SELECT company_id, has_3d_model, -leads FROM sunlead_lead_counts) AS counted
GROUP BY company_id, has_3d_model HAVING sum(leads) <> 0;
