"""Handlers wait for a slow HTTP server while others echo: latency of the others, memory for each that waits.

An update of ours is on disk before the next one is asked for, so one that comes meanwhile waits for that: the time of
the disk is shown as well.
"""
import os
import sys
import tempfile
import time

from harness import BUILD, Ours, Simple, interleave, median, options, ratios, spread, table

PAGE = bytes(4096)


def disk(count):
    """How long fdatasync takes behind a page that was appended, 50 % and 99 % of the times, in microseconds."""
    times = []
    with tempfile.TemporaryFile(dir=BUILD, buffering=0) as file:
        for _ in range(count):
            file.write(PAGE)
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - began) * 1e6)
            time.sleep(0.0015)
    times.sort()
    return times[count // 2], times[count * 99 // 100]


def fewest_open(results):
    """Of the requests that the slow server held, at the beginning and at the end of each run."""
    return min(result[key] for result in results for key in ("open_requests", "open_requests_at_the_end"))


def main():
    chosen = options(__doc__.splitlines()[0], cores=2)
    counts = [100] if chosen.short else [1000, 5000]
    size = {"warm": 200, "count": 300} if chosen.short else {"warm": 3000, "count": 5000}
    rows, complaints = [], []
    for count in counts:
        load = {"work": "echo", "chats": 500, "rate": 500, "waiting": count} | size
        bots = {"raw": lambda: Simple("raw"),
                "ours": lambda: Ours(env={"MAX_IN_FLIGHT": "6000", "HTTP_SLOTS": "6000"})}
        results = interleave(chosen.rounds, bots, **load)
        raw, own = results["raw"], results["ours"]
        open_requests = fewest_open(own)
        for name, found in results.items():
            if fewest_open(found) < count:
                complaints.append(f"{name}: {count} requests were to be open, and only {fewest_open(found)} were")
        rows.append([count, open_requests, f"{median(raw, 'p50_us'):.0f}", f"{median(own, 'p50_us'):.0f}",
                     f"{median(raw, 'p99_us'):.0f}", f"{median(own, 'p99_us'):.0f}",
                     spread(ratios(own, raw, "p99_us"), 2), f"{median(raw, 'kib_per_waiting'):.1f}",
                     f"{median(own, 'kib_per_waiting'):.1f}", f"{median(raw, 'cpu_us'):.0f}",
                     f"{median(own, 'cpu_us'):.0f}"])
    table(f"Waiting handlers, others echo {load['rate']} updates/s; medians of {chosen.rounds} interleaved runs",
          ["waiting", "open requests", "p50 raw, us", "p50 ours", "p99 raw, us", "p99 ours", "ours / raw (at most 2)",
           "KiB each raw", "ours (at most 24)", "CPU us per echo raw", "ours"], rows)
    table("The disk, behind each page appended", ["fdatasync p50, us", "p99, us"],
          [[f"{figure:.0f}" for figure in disk(100 if chosen.short else 2000)]])
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
