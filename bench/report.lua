-- What the scripts share: how many leads there are (500 a company), a seed for each of wrk's threads,
-- how long each connection pauses between two requests, and one line of figures at the end.
leads = tonumber(os.getenv("LEADS") or 100000)
local pause_ms = tonumber(os.getenv("PAUSE_MS") or 0)
local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init()
   math.randomseed(os.time() * 10 + number)
end

if pause_ms > 0 then
   function delay()
      return math.random(0, 2 * pause_ms)
   end
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format("FIGURES %d %d %.0f %.0f %d", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
