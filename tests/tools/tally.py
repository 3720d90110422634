"""Adds up test logs: tally.py [--allow-skip PATTERN]... LOG...

A LOG is meson's testlog.json. The last line printed is `N passed, N failed`; the exit status is 0 when
something passed and nothing failed. A missing or empty log, a test program that crashes, times out, breaks
off before its plan is fulfilled or exits non-zero, and a skipped test are failures; a skip is let pass,
uncounted, when its line contains an allowed PATTERN. What programs of the suite `long` note (comments in their
results) is printed first: they are run for their figures, too.
"""
import argparse
import json
import re
import sys

LONG = re.compile(r"\S+?:(?:\S+\+)?long(?:\+\S+)? / ")  # how meson names a program of the suite
RESULT = re.compile(r"(not )?ok\b *(\d+)? *-? *([^#]*)(?:# *(SKIP|TO" r"DO)\b *(.*))?", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)(?: *# *SKIP\b *(.*))?", re.IGNORECASE)


class Tally:
    def __init__(self, allowed=()):
        self.passed = self.failed = 0
        self.allowed, self.failures, self.skips, self.notes = allowed, [], [], []

    def fail(self, text):
        self.failed += 1
        self.failures.append(f"failed  {text}")

    def skip(self, text):
        if any(pattern in text for pattern in self.allowed):
            self.skips.append(text)
        else:
            self.fail(f"{text} (skipped)")

    def add_point(self, program, match):
        bad, _, name, directive, reason = match.groups()
        text = f"{program}: {name.strip()}"
        if (directive or "").upper() == "SKIP":
            self.skip(f"{text}: {reason}")
        elif bad or directive:
            self.fail(text)
        else:
            self.passed += 1

    def add_tap(self, program, output):
        """True when the output is complete: as many results as planned, at least one."""
        plan, seen, failed = None, 0, False
        for line in output.splitlines():
            if match := RESULT.fullmatch(line.rstrip()):
                seen += 1
                before = self.failed
                self.add_point(program, match)
                failed = self.failed > before
            elif line.startswith("#") and failed:
                self.failures.append(f"       {line[1:].rstrip()}")
            elif match := PLAN.fullmatch(line.rstrip()):
                plan = int(match[1])
                if plan == 0:
                    self.skip(f"{program}: {match[2] or 'planned no tests'}")
                    return True
            elif line.startswith("Bail out!"):
                return False
        return plan == seen and seen > 0

    def add_notes(self, program, output):
        """Its comments, apart from those that tell why a test failed."""
        failed = False
        for line in output.splitlines():
            if match := RESULT.fullmatch(line.rstrip()):
                failed = bool(match[1])
            elif line.startswith("#") and not failed:
                self.notes.append(f"{program.split(' / ')[1]}: {line[1:].strip()}")

    def add_program(self, test):
        name, result, output = test["name"], test["result"], test.get("stdout") or ""
        before = self.failed
        if LONG.match(name):
            self.add_notes(name, output)
        if re.search(r"^(not )?ok\b|^1\.\.\d", output, re.MULTILINE):
            complete = self.add_tap(name, output)
            if not complete:
                self.fail(f"{name}: broke off ({result}, status {test['returncode']})")
            elif self.failed == before and (result not in ("OK", "SKIP") or test["returncode"] != 0):
                self.fail(f"{name}: {result} with status {test['returncode']}, though every test in it passed")
        elif result == "OK":
            self.passed += 1
        elif result == "SKIP":
            self.skip(f"{name}: skipped")
        else:
            self.fail(f"{name}: {result} (status {test['returncode']})")

    def add_log(self, path):
        try:
            with open(path, encoding="utf-8") as log:
                tests = [json.loads(line) for line in log if line.strip()]
        except (OSError, ValueError) as error:
            self.fail(f"{path}: {error}")
            return
        if not tests:
            self.fail(f"{path}: no tests in it")
        for test in tests:
            self.add_program(test)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--allow-skip", action="append", default=[], metavar="PATTERN")
    parser.add_argument("logs", nargs="+", metavar="LOG")
    options = parser.parse_args()
    tally = Tally(options.allow_skip)
    for path in options.logs:
        tally.add_log(path)
    for text in tally.notes + [f"skipped {text}" for text in tally.skips] + tally.failures:
        print(text)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
