#!/usr/bin/python3
"""Builds the fuzz targets with clang's libFuzzer, ASan and UBSan beside the given build, and runs each for a while.

    tests/fuzz/fuzz.py BUILD [SECONDS]

What breaks a target is left in BUILD/fuzz/found; put it into the corpus when it is mended.
"""
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TARGETS = ("http", "text", "update")


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, ROOT, "-Dfuzz=true", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false"], env=os.environ | {"CC": "clang"}, stdout=sys.stderr, check=True)
    subprocess.run(["ninja", "-C", folder] + [f"tests/fuzz/fuzz_{name}" for name in TARGETS], stdout=sys.stderr,
                   check=True)


def fuzz(folder, name, seconds):
    grown, found = os.path.join(folder, "grown", name), os.path.join(folder, "found", name) + os.sep
    os.makedirs(grown, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    command = [os.path.join(folder, "tests/fuzz/fuzz_" + name), f"-max_total_time={seconds}", "-timeout=20",
               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}", grown,
               os.path.join(ROOT, "tests/fuzz/corpus", name)]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def main():
    folder = os.path.join(os.path.abspath(sys.argv[1]), "fuzz")
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    build(folder)
    good = [fuzz(folder, name, seconds) for name in TARGETS]
    for number, (name, is_good) in enumerate(zip(TARGETS, good), 1):
        print("ok" if is_good else "not ok", number, "-", name)
    print(f"1..{len(TARGETS)}")
    return 0 if all(good) else 1


sys.exit(main())
