-- One field of a random lead.
dofile("bench/report.lua")

local headers = {["Content-Type"] = "application/json"}

function request()
   return wrk.format("PUT", "/api/leads/" .. math.random(1, leads), headers,
      string.format('{"kwh_usage": %d}', math.random(5000, 20000)))
end
