"""note() tells what a test has found out besides: a comment in its results, which `./dev test long` shows."""
import sys

out = sys.stderr  # tap.py puts its own here


def note(text):
    for line in text.splitlines():
        print(f"# {line}", file=out, flush=True)
