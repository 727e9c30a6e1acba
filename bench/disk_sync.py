"""Prints how long the disk takes to make 64 KB durable: median and 99th percentile in milliseconds.
disk_sync.py FOLDER"""
import os
import sys
import time

WRITES = 300
BLOCK = b"x" * 65536


def main() -> None:
    path = os.path.join(sys.argv[1], "disk_sync")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    times = []
    for _ in range(WRITES):
        os.pwrite(fd, BLOCK, 0)
        start = time.monotonic()
        os.fdatasync(fd)
        times.append((time.monotonic() - start) * 1000)
    os.close(fd)
    os.unlink(path)
    times.sort()
    print(f"{times[WRITES // 2]:.1f} {times[WRITES * 99 // 100]:.1f}")


main()
