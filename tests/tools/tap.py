"""Runs a file of unittest tests and prints TAP: tap.py FILE [NAME...]

A NAME is a class, a class.method, or any part of a test's name. What the tests print goes to standard
error, so that it cannot be taken for a result; for what the reader should see is notes.py. The plan comes last: a
run that breaks off has none.
"""
import importlib.util
import os
import signal
import sys
import traceback
import unittest

import notes


class TapResult(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out, self.count = out, 0
        self.failed_parts = False

    def say(self, line):
        print(line, file=self.out, flush=True)

    def point(self, ok, test, directive="", details=""):
        self.count += 1
        name = test.id().split(".", 1)[-1] if isinstance(test, unittest.TestCase) else str(test)
        self.say(f"{'ok' if ok else 'not ok'} {self.count} - {name.replace('#', '')}{directive}")
        for line in details.splitlines():
            self.say(f"# {line}")

    def describe(self, err):
        return "".join(traceback.format_exception(*err))

    def startTest(self, test):
        super().startTest(test)
        self.failed_parts = False

    def addSuccess(self, test):
        if not self.failed_parts:
            self.point(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.point(False, test, details=self.describe(err))

    def addError(self, test, err):
        super().addError(test, err)
        self.point(False, test, details=self.describe(err))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed_parts = True
            self.point(False, subtest, details=self.describe(err))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.point(True, test, f" # SKIP {reason}")

    def addExpectedFailure(self, test, err):
        self.point(False, test, details="marked as an expected failure: fix it or remove it")

    def addUnexpectedSuccess(self, test):
        self.point(False, test, details="marked as an expected failure, but passes")


def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    # Killed by a time limit or a hang-up: leave by way of every `finally`.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    # The real standard output is for results; whatever a test or its children print goes to standard error.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    notes.out = out
    names = arguments[1:]
    tests = [t for t in flatten(load(arguments[0])) if not names or any(n in t.id() for n in names)]
    result = TapResult(out)
    unittest.TestSuite(tests).run(result)
    result.say(f"1..{result.count}")
    return 0 if result.wasSuccessful() and result.count else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
