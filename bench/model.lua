-- A new lead that gets a model: its order is stored with it.
dofile("bench/report.lua")

local headers = {["Content-Type"] = "application/json"}
local body = '{"company_id": %d, "creator_id": 1, "latitude": %.4f, "longitude": %.4f, "create_3d_model": true}'

function request()
   return wrk.format("POST", "/api/leads", headers, string.format(body, math.random(1, leads / 500),
      math.random(300000, 450000) / 10000, math.random(-1200000, -700000) / 10000))
end
