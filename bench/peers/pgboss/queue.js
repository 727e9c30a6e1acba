// The same jobs as bench/queue.c, run by pg-boss: node queue.js URL JOBS LOOPS BATCH [RATE].
// Each is durable, does 1 ms of work and is acknowledged by itself. Without a rate all jobs are queued first and
// taken by LOOPS loops of fetch(), BATCH at a time, which is faster than its workers; with one, by a worker
// that polls as often as pg-boss allows.
import PgBoss from "pg-boss";
import { setTimeout as sleep } from "node:timers/promises";

const [url, jobs, loops, batch, rate] = process.argv.slice(2).map((word, i) => (i === 0 ? word : Number(word)));
const boss = new PgBoss({ connectionString: url, max: 20, supervise: false, schedule: false });
await boss.start();
await boss.createQueue("bench");
const waited = [];
let done = 0;

async function run(job) {
  waited.push(Date.now() - job.data.at);
  await sleep(1);
}

async function loop() {
  while (done < jobs) {
    const found = await boss.fetch("bench", { batchSize: batch });
    await Promise.all(found.map(async (job) => {
      await run(job);
      await boss.complete("bench", job.id);
      done++;
    }));
  }
}

let began;
if (!rate) {
  for (let i = 0; i < jobs; i += 1000)
    await boss.insert(Array.from({ length: Math.min(1000, jobs - i) }, () => ({ name: "bench", data: { at: Date.now() } })));
  began = performance.now();
  await Promise.all(Array.from({ length: loops }, loop));
} else {
  await boss.work("bench", { pollingIntervalSeconds: 0.5, batchSize: batch }, async (found) => {
    await Promise.all(found.map(run));
    done += found.length;
  });
  began = performance.now();
  const sent = [];
  for (let i = 0; i < jobs; i++) {
    const wait = began + (i * 1000) / rate - performance.now();
    if (wait > 0)
      await sleep(wait);
    sent.push(boss.send("bench", { at: Date.now() }));
  }
  await Promise.all(sent);
  while (done < jobs)
    await sleep(20);
}
const tookS = (performance.now() - began) / 1000;
waited.sort((a, b) => a - b);
let line = `pg-boss: ${jobs} jobs in ${tookS.toFixed(2)} s: ${(jobs / tookS).toFixed(0)} a second`;
if (rate)
  line += `; from queueing to start p50 ${waited[Math.floor(jobs / 2)]} ms, p99 ${waited[Math.floor(jobs * 0.99)]} ms`;
console.log(line);
process.exit(0);
