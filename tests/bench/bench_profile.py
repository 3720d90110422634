"""Where the host's time goes while it answers: shares of libraries and functions, by perf, else by callgrind."""
import glob
import os
import re
import shutil
import subprocess

from harness import Ours, built, measure, options, table

ROWS = 25
PERF = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-g", "-o"]


def report(path, key):
    """[(share in percent, name)] of perf's samples, largest first."""
    out = subprocess.run(["perf", "report", "-i", path, "--no-children", "-g", "none", "--sort", key],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^ +([\d.]+)% +(.+?) *$", out, re.MULTILINE)


def has_perf(path):
    works = [*PERF, path, "true"]
    return shutil.which("perf") and subprocess.run(works, capture_output=True, check=False).returncode == 0


def by_perf(title, load, path):
    with Ours() as ours:
        measure(ours, wrap=[*PERF, path], **load)
    table(f"{title}: libraries and the kernel (perf)", ["share, %", "of"], report(path, "dso")[:8])
    table(f"{title}: functions", ["share, %", "function"], report(path, "sym")[:ROWS])


def by_callgrind(title, load, path):
    with Ours() as ours:
        measure(ours, wrap=["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}"], **load)
    out = subprocess.run(["callgrind_annotate", path], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^ *[\d,]+ \( ?([\d.]+)%\) +\S*?([^:/\s]+:\S+.*?)(?: \[.*\])?$", out, re.MULTILINE)
    table(f"{title}: functions (callgrind, instructions in user space)", ["share, %", "function"], rows[:ROWS])


def main():
    chosen = options(__doc__, cores=2)
    size = {"chats": 100, "warm": 100, "count": 300} if chosen.short else {"chats": 500, "warm": 1000, "count": 20000}
    path = built("bench-profile.data")
    profile = by_perf if has_perf(path) else by_callgrind
    for work in ("echo", "dialogue"):
        profile(f"{work} by polling", {"work": work} | size, path)
    for left in glob.glob(path + "*"):
        os.remove(left)


if __name__ == "__main__":
    main()
