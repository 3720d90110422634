"""The sandbox under load, without its page: requests a second and CPU time for each, and its memory in a long run.

The sandbox has the last core to itself, its users and their bot (crowd.c) the first. CPU time is that of the whole
process, user and system; it is what counts where other programs share the machine.
"""
import json
import subprocess
import tempfile

from harness import BUILD, CORES, built, free_port, median, options, pinned, say, table

BAR_US = 50  # 20,000 requests a second on one core
WORKS = [
    ("a plain message", ["--work", "plain"]),
    ("HTML and a keyboard", ["--work", "html"]),
    ("getMe", ["--work", "me"]),
    ("a dialogue, by polling", ["--work", "mix", "--updates", "poll"]),
    ("a dialogue, by webhook", ["--work", "mix", "--updates", "hook"]),
    ("the same by polling, on disk", ["--work", "mix", "--updates", "poll"]),
    ("2000 connections", ["--work", "plain", "--people", "2000"]),
]


class Sandbox:
    def __init__(self, *arguments):
        command = [built("sdk/sandbox/aisha-sandbox"), "--listen", f"127.0.0.1:{free_port()}", *arguments]
        self.process = subprocess.Popen(pinned(CORES[-1], command), stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().rsplit(":", 1)[1].strip()

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Rss:"))

    def crowd(self, arguments):
        command = pinned(CORES[0], [built("tests/bench/crowd"), "--port", self.port, "--pid", str(self.process.pid)])
        return json.loads(subprocess.run(command + arguments, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def end(self):
        self.process.terminate()
        assert self.process.wait(30) == 0, "the sandbox does not end well"
        self.process.stdout.close()


def measure(arguments, is_on_disk):
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
        sandbox = Sandbox(*(["--data", folder] if is_on_disk else []))
        result = sandbox.crowd(arguments)
        sandbox.end()
    return result


def memory(count):
    """(requests so far, memory) at the start and after each part of a long run."""
    sandbox = Sandbox()
    seen = [(0, sandbox.memory_mib())]
    parts = 5
    for part in range(parts):
        say(f"{count * (part + 1) // parts} requests")
        # Those of the parts before have left: they would be there already.
        sandbox.crowd(["--work", "mix", "--updates", "poll", "--first", str(part * 1000),
                       "--warm", "0", "--count", str(count // parts)])
        seen.append((count * (part + 1) // parts, sandbox.memory_mib()))
    sandbox.end()
    say("")
    return seen


def main():
    chosen = options(__doc__.splitlines()[0], cores=2)
    count = 1000 if chosen.short else 60000
    size = ["--warm", str(count // 10), "--count", str(count)]
    results = {name: [] for name, _ in WORKS}
    for number in range(chosen.rounds):
        for name, arguments in WORKS:
            say(f"round {number + 1} of {chosen.rounds}: {name}")
            results[name].append(measure(arguments + size, "on disk" in name))
    say("")
    table(f"One core; medians of {chosen.rounds} interleaved runs of {count} requests; "
          f"bar for a plain message: {BAR_US} us",
          ["work", "CPU us/request", "a core's time is enough for", "requests/s beside all else"],
          [[name, f"{median(found, 'cpu_us'):.1f}", f"{1e6 / median(found, 'cpu_us'):.0f}/s",
            f"{median(found, 'per_second'):.0f}"] for name, found in results.items()])
    table("Memory in a long dialogue of 32 people", ["requests", "MiB"],
          [[number, f"{mib:.1f}"] for number, mib in memory(5000 if chosen.short else 1000000)])


if __name__ == "__main__":
    main()
