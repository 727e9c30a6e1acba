-- The newest 20 leads of a random company.
dofile("bench/report.lua")

function request()
   return wrk.format("GET", "/api/leads?limit=20&company_id=" .. math.random(1, leads / 500))
end
