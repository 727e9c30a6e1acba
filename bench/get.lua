-- One lead by a random id.
dofile("bench/report.lua")

function request()
   return wrk.format("GET", "/api/leads/" .. math.random(1, leads))
end
