"""Runs bench/queue.c and bench/peers/pgboss on one PostgreSQL: queue.py JOBS CONCURRENCY."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "service"))

from harness import free_port  # noqa: E402
from postgres import Postgres  # noqa: E402

RATE = 300
RATE_JOBS = 3000


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    print(done.stdout.strip() if done.returncode == 0 else done.stderr, flush=True)


def main() -> None:
    jobs, concurrency, minutes = sys.argv[1:]
    ours = ROOT / "build" / "release" / "queue_bench"
    theirs = ROOT / "build" / "peers" / "pgboss" / "queue.js"
    server = Postgres(free_port(), fsync="on", shared_buffers="128MB")
    server.start()
    try:
        run(ours, server.url(server.create()), jobs, concurrency)
        for loops, batch in ((1, 1000), (8, 100)):
            run("node", theirs, server.url(server.create()), jobs, loops, batch)
        run(ours, server.url(server.create()), RATE_JOBS, concurrency, RATE)
        run("node", theirs, server.url(server.create()), RATE_JOBS, 1, 1000, RATE)
    finally:
        server.close()


if __name__ == "__main__":
    main()
