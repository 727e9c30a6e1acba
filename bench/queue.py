"""Runs bench/queue.c and bench/peers/pgboss on one PostgreSQL: queue.py JOBS CONCURRENCY MINUTES.
With MINUTES above 0 instead: ours alone at 300 jobs a second for so long, and what the table's dead rows and size are."""
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "service"))

from harness import free_port  # noqa: E402
from postgres import Postgres  # noqa: E402

RATE = 300
RATE_JOBS = 3000
SAMPLE_S = 30
SAMPLE = ("SELECT n_dead_tup, pg_relation_size('sunlead_jobs') / 1024, pg_indexes_size('sunlead_jobs') / 1024, "
          "autovacuum_count FROM pg_stat_user_tables WHERE relname = 'sunlead_jobs'")
OURS = ROOT / "build" / "release" / "queue_bench"
THEIRS = ROOT / "build" / "peers" / "pgboss" / "queue.js"


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    print(done.stdout.strip() if done.returncode == 0 else done.stderr, flush=True)


def compare(server: Postgres, jobs: str, concurrency: str) -> None:
    run(OURS, server.url(server.create()), jobs, concurrency)
    for loops, batch in ((1, 1000), (8, 100)):
        run("node", THEIRS, server.url(server.create()), jobs, loops, batch)
    run(OURS, server.url(server.create()), RATE_JOBS, concurrency, RATE)
    run("node", THEIRS, server.url(server.create()), RATE_JOBS, 1, 1000, RATE)


def watch_table(server: Postgres, concurrency: str, minutes: int) -> None:
    name = server.create()
    process = subprocess.Popen([str(OURS), server.url(name), str(RATE * 60 * minutes), concurrency, str(RATE)])
    begin = time.monotonic()
    print("after | dead rows | table KB | indexes KB | autovacuums", flush=True)
    while process.poll() is None:
        time.sleep(SAMPLE_S)
        dead, table, indexes, vacuums = server.query(name, SAMPLE).split("|")
        print(f"{time.monotonic() - begin:.0f} s | {dead} | {table} | {indexes} | {vacuums}", flush=True)


def main() -> None:
    jobs, concurrency, minutes = sys.argv[1:]
    server = Postgres(free_port(), fsync="on", shared_buffers="128MB")
    server.start()
    try:
        if int(minutes) > 0:
            watch_table(server, concurrency, int(minutes))
        else:
            compare(server, jobs, concurrency)
    finally:
        server.close()


if __name__ == "__main__":
    main()
