"""An idle host with the plugins home, echo and audio (with openai): memory, and how soon it is ready."""
from harness import Ours, measure, median, options, table


def main():
    chosen = options(__doc__)
    results = {"first start": [], "next start": []}
    for _ in range(chosen.rounds):
        with Ours(plugins=("home", "echo", "openai", "audio")) as ours:
            for runs in results.values():
                runs.append(measure(ours, idle=True))
    table(f"Idle, by polling; medians of {chosen.rounds} runs",
          ["", "ready after, ms (under 100)", "resident, MB (under 20)"],
          [[name, f"{median(runs, 'ready_ms'):.0f}", f"{median(runs, 'rss_kib') / 1000:.1f}"]
           for name, runs in results.items()])


if __name__ == "__main__":
    main()
