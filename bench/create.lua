-- A new lead, as the specification's example has it.
dofile("bench/report.lua")

local headers = {["Content-Type"] = "application/json"}
local body = '{"company_id": %d, "creator_id": 1, "latitude": %.4f, "longitude": %.4f, ' ..
   '"address": "123 Solar St, San Francisco, CA 94102", "source": 2, "kwh_usage": 12000, ' ..
   '"system_size": 10.5, "panel_count": 30, "create_3d_model": false}'

function request()
   return wrk.format("POST", "/api/leads", headers, string.format(body, math.random(1, leads / 500),
      math.random(300000, 450000) / 10000, math.random(-1200000, -700000) / 10000))
end
