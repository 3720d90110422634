"""What the benches share: the load generator against one of the bots, and medians of interleaved runs.

Each bench_NAME.py prints tables; `./dev bench NAME` runs it from a release build, and with --short it does little, to
see that it works. A figure is the median over rounds, in each of which every bot has its turn.
"""
import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("AISHA_BUILD", "build-release"))
CORES = sorted(os.sched_getaffinity(0))
TIMEOUT_S = 600

PLUGINS = {"home": "plugins/home/home.so", "echo": "sdk/examples/echo/echo.so", "clerk": "tests/bench/clerk.so",
           "balance": "plugins/balance/balance.so"}
SETTINGS = {"clerk": "slow_url = ${SLOW_URL}",
            "balance": "tariffs = avatar 150, image 5 per item\npackages = 150 for 150"}


def options(description, **more):
    """The options of a bench: --short, --rounds. more: rounds that are usual, cores that it keeps things apart on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--short", action="store_true", help="see that it works; the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=0, help="how often every bot has its turn")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.short else more.get("rounds", 5))
    if len(CORES) < more.get("cores", 1):
        print("\nWARNING: ONE CPU ONLY. THE LOAD GENERATOR SHARES IT WITH WHAT IS MEASURED; FIGURES ARE WORTH LITTLE.")
    return chosen


def free_port():
    while True:
        port = random.randint(10240, 32767)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


def built(name):
    return os.path.join(BUILD, name)


class Ours:
    """The host with everything on, in a directory of its own on the disk of the build; one run for each, as the ids of
    updates begin anew with every run, and it would remember them."""

    def __init__(self, plugins=("echo", "clerk"), env=None):
        self.plugins, self.env = plugins, env or {}
        self.folder = tempfile.mkdtemp(prefix="bench-", dir=BUILD)
        lines = []
        for name in plugins:
            lines += [f"[{name}]", f"path = {built(PLUGINS[name])}", SETTINGS.get(name, "")]
        self.plugins_ini = self.write("plugins.ini", "\n".join(lines))
        self.config = os.path.join(ROOT, "etc/aisha.ini")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self):
        return [built("host/aisha"), "run", "--config", self.config, "--plugins", self.plugins_ini]

    def environment(self):
        return {"BOT_TOKEN": "1:bench", "DATABASE_URL": f"sqlite:{self.folder}/aisha.db",
                "BLOB_URL": f"file:{self.folder}/files", "OUTBOUND_RATE": "0", "OUTBOUND_CHAT_RATE": "0"} | self.env

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


class Simple:
    """A program that is a whole bot: raw or null."""

    def __init__(self, name):
        self.name = name

    def command(self):
        return [built("tests/bench/" + self.name)]

    def environment(self):
        return {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def measure(bot, mode="polling", wrap=(), **load):
    """One run: the load generator on the first core, the bot on the last. load: options of tests/bench/load.c."""
    listen = f"127.0.0.1:{free_port()}"
    env = {name: os.environ[name] for name in os.environ if not name.startswith(("AISHA_", "BOT_"))}
    env |= bot.environment() | {"BOT_MODE": mode, "HTTP_LISTEN": listen, "PUBLIC_URL": "http://" + listen}
    arguments = []
    for name, value in load.items():
        arguments += ["--" + name] if value is True else ["--" + name, str(value)]
    command = pinned(CORES[0], [built("tests/bench/load"), *arguments, "--",
                                *pinned(CORES[-1], [*wrap, *bot.command()])])
    with tempfile.TemporaryFile("w+", dir=BUILD) as log:
        done = subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, timeout=TIMEOUT_S,
                              check=False, text=True)
        log.seek(0)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}: {log.read()[-4000:]}")
    return json.loads(done.stdout)


def interleave(rounds, bots, **load):
    """bots: name → function that makes one. Returns name → what each round measured, as a list."""
    results = {name: [] for name in bots}
    for number in range(rounds):
        for name, make in bots.items():
            say(f"round {number + 1} of {rounds}: {name}")
            with make() as bot:
                results[name].append(measure(bot, **load))
    say("")
    return results


def say(what):
    """What is going on, for somebody who watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def median(results, key):
    return statistics.median(result[key] for result in results)


def ratios(ours, theirs, key):
    """Of runs of the same round each, as what else the machine does hits both."""
    return [a[key] / b[key] for a, b in zip(ours, theirs)]


def ratio(ours, theirs, key):
    return statistics.median(ratios(ours, theirs, key))


def spread(numbers, digits):
    """Median, lowest and highest."""
    middle = statistics.median(numbers)
    return f"{middle:.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def megabytes(kib):
    return kib * 1024 / 1e6


def table(title, head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    print(f"\n{title}\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    sys.stdout.flush()
