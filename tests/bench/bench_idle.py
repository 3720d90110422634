"""An idle host with the plugins home, echo and audio (with openai): memory, and how soon it is ready."""
from harness import Ours, interleave, measure, median, options, table


def main():
    chosen = options(__doc__)
    first = {"new": None}

    def start():
        if first["new"]:
            first["new"].remove()
        first["new"] = Ours(plugins=("home", "echo", "openai", "audio"))
        return measure(first["new"], idle=True)

    def again():
        return measure(first["new"], idle=True)

    results = interleave(chosen.rounds, {"first start": start, "next start": again})
    first["new"].remove()
    table(f"Idle, by polling; medians of {chosen.rounds} runs",
          ["", "ready after, ms (under 100)", "resident, MB (under 20)"],
          [[name, f"{median(runs, 'ready_ms'):.0f}", f"{median(runs, 'rss_kib') / 1000:.1f}"]
           for name, runs in results.items()])


if __name__ == "__main__":
    main()
