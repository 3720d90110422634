"""An idle host with the plugins home, echo and balance: memory, and how soon it is ready."""
from harness import Ours, measure, median, megabytes, options, table


def main():
    chosen = options(__doc__, cores=2)
    results = {"first start": [], "next start": []}
    for _ in range(chosen.rounds):
        with Ours(plugins=("home", "echo", "balance")) as ours:
            for runs in results.values():
                runs.append(measure(ours, idle=True))
    table(f"Idle, by polling; medians of {chosen.rounds} runs",
          ["", "ready after, ms (under 100)", "resident, MB (under 20)", "helper processes", "resident, MB"],
          [[name, f"{median(runs, 'ready_ms'):.0f}", f"{megabytes(median(runs, 'rss_kib')):.1f}",
            f"{median(runs, 'helpers'):.0f}", f"{megabytes(median(runs, 'helpers_rss_kib')):.1f}"]
           for name, runs in results.items()])


if __name__ == "__main__":
    main()
