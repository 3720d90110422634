"""Echo and a dialogue of three steps, by polling and by webhook: CPU time for each update, ours against raw.c.

Ours keeps all its promises meanwhile (every update is on disk before it is acknowledged); raw.c keeps none. null.c
shows how fast the load generator itself can go.
"""
from harness import Ours, Simple, interleave, median, options, ratio, table

WORKS = [("polling", "echo", 1.4), ("polling", "dialogue", 1.6), ("webhook", "echo", 1.6), ("webhook", "dialogue", 1.6)]


def main():
    chosen = options(__doc__.splitlines()[0], cores=2)
    size = {"chats": 200, "warm": 400, "count": 600} if chosen.short else {"chats": 1000, "warm": 6000, "count": 30000}
    rows, ceilings = [], []
    for mode, work, bar in WORKS:
        load = {"work": work, "mode": mode} | size
        bots = {"raw": lambda: Simple("raw"), "ours": Ours}
        if work == "echo":
            bots["null"] = lambda: Simple("null")
        results = interleave(chosen.rounds, bots, **load)
        raw, own = results["raw"], results["ours"]
        rows.append([mode, work, f"{median(raw, 'cpu_us'):.1f}", f"{median(own, 'cpu_us'):.1f}",
                     f"{ratio(own, raw, 'cpu_us'):.2f}", f"{bar}", f"{median(raw, 'per_second'):.0f}",
                     f"{median(own, 'per_second'):.0f}"])
        if "null" in results:
            ceilings.append([mode, f"{median(results['null'], 'per_second'):.0f}",
                             f"{ratio(results['null'], raw, 'per_second'):.1f}"])
    table(f"CPU time per update, all threads, on one core; medians of {chosen.rounds} interleaved runs of "
          f"{size['count']} updates",
          ["updates by", "work", "raw, us", "ours, us", "ours / raw", "bar", "raw, 1/s", "ours, 1/s"], rows)
    table("What the load generator can do: echo by a client that does nothing else",
          ["updates by", "updates/s", "times raw (at least 2)"], ceilings)


if __name__ == "__main__":
    main()
