"""Calls of the cache by 50 handlers at once, against redis-benchmark with 50 connections and the same commands.

What the commands are is not said here: they are what the server sees when a handler makes the call.
"""
import csv
import json
import os
import shlex
import subprocess
import sys

from harness import BUILD, ROOT, built, median, options, ratio, say, table

os.environ["AISHA_BUILD"] = BUILD
sys.path.insert(0, os.path.join(ROOT, "tests/tools"))
from servers import Redis  # noqa: E402

CALLS = ["get", "set", "add", "allow"]
HANDLERS, BAR = 50, 0.5


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def ours(url, call, count, handlers=HANDLERS):
    return json.loads(run([built("tests/bench/cache"), url, call, str(count), str(handlers)]))


def seen_by_the_server(redis, call):
    """The command that one such call sends, as a list of words."""
    watch = ["redis-cli", "-p", str(redis.port), "MONITOR"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as monitor:
        assert monitor.stdout.readline().strip() == "OK"
        ours(redis.url, call, 1, handlers=1)
        redis.cli("ECHO", "the end")
        lines = []
        while '"the end"' not in (line := monitor.stdout.readline()):
            if "lua]" not in line and '"aisha:' in line and '"PX" "1000"' not in line and "SUBSCRIBE" not in line:
                lines.append(line)
        monitor.terminate()
    return [word.encode().decode("unicode_escape") for word in shlex.split(lines[-1].split("] ", 1)[1])]


def theirs(redis, command, count):
    out = run(["redis-benchmark", "-p", str(redis.port), "-c", str(HANDLERS), "-n", str(count), "--csv", *command])
    return {"per_second": float(next(csv.DictReader(out.splitlines()))["rps"])}


def main():
    chosen = options(__doc__.splitlines()[0])
    count = 2000 if chosen.short else 200000
    rows = []
    with Redis() as redis:
        for call in CALLS:
            command = seen_by_the_server(redis, call)
            results = {"ours": [], "theirs": []}
            for number in range(chosen.rounds):
                say(f"{call}, round {number + 1} of {chosen.rounds}")
                results["ours"].append(ours(redis.url, call, count))
                results["theirs"].append(theirs(redis, command, count))
            rows.append([call, command[0], f"{median(results['theirs'], 'per_second'):.0f}",
                         f"{median(results['ours'], 'per_second'):.0f}",
                         f"{ratio(results['ours'], results['theirs'], 'per_second'):.2f}", BAR,
                         f"{median(results['ours'], 'cpu_us'):.1f}"])
    say("")
    table(f"The cache in Redis: {HANDLERS} handlers, medians of {chosen.rounds} interleaved runs of {count} calls",
          ["call", "command", f"redis-benchmark -c {HANDLERS}, 1/s", "ours, 1/s", "ours / theirs", "bar", "CPU, us"],
          rows)


if __name__ == "__main__":
    main()
