"""The tally counts what happened and never more: whatever ends early, crashes or is skipped has failed."""
import io
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

import tally
import tap

HERE = os.path.dirname(os.path.abspath(__file__))


def program(stdout="", result="OK", returncode=0):
    return {"name": "p", "stdout": stdout, "result": result, "returncode": returncode}


def count(test, allowed=()):
    result = tally.Tally(allowed)
    result.add_program(test)
    return result.passed, result.failed


class Tally(unittest.TestCase):
    def test_results_are_counted(self):
        self.assertEqual(count(program("1..3\nok 1 - a\nok 2 - b\nok 3\n")), (3, 0))
        self.assertEqual(count(program("1..2\nok 1 - a\nnot ok 2 - b\n# why\n", "FAIL", 1)), (1, 1))
        self.assertEqual(count(program("ok 1 - a\n1..1\n")), (1, 0))

    def test_a_program_without_tap_counts_as_one_test(self):
        self.assertEqual(count(program("hello")), (1, 0))
        self.assertEqual(count(program("hello", "FAIL", 1)), (0, 1))

    def test_a_crash_or_time_out_is_a_failure(self):
        self.assertEqual(count(program("1..3\nok 1 - a\n", "ERROR", -11)), (1, 1))
        self.assertEqual(count(program("1..3\nok 1 - a\n", "TIMEOUT", -15)), (1, 1))
        self.assertEqual(count(program("", "TIMEOUT", -15)), (0, 1))
        self.assertEqual(count(program("1..1\nok 1 - a\n", "ERROR", 23)), (1, 1))
        self.assertEqual(count(program("1..1\nok 1 - a\n", "OK", 9)), (1, 1))

    def test_an_unfulfilled_plan_is_a_failure(self):
        self.assertEqual(count(program("1..2\nok 1 - a\n")), (1, 1))
        self.assertEqual(count(program("ok 1 - a\n")), (1, 1))
        self.assertEqual(count(program("1..0\n")), (0, 1))

    def test_a_skip_is_a_failure_unless_allowed_by_name(self):
        skipped = program("1..2\nok 1 - a\nok 2 - b # SKIP no browser\n")
        self.assertEqual(count(skipped), (1, 1))
        self.assertEqual(count(skipped, ["no browser"]), (1, 0))
        self.assertEqual(count(program("", "SKIP", 77)), (0, 1))

    def test_notes_of_long_tests_are_told_and_are_no_results(self):
        found = tally.Tally()
        text = "# ok 7 - | a figure |\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c\n# more\n1..3\n"
        for name in ("aisha:integration / p", "aisha:integration+long / q", "aisha:longer / r"):
            found.add_program(program(text, "FAIL", 1) | {"name": name})
        self.assertEqual(found.notes, ["q: ok 7 - | a figure |", "q: more"])
        self.assertEqual((found.passed, found.failed), (6, 3))

    def run_on(self, *tests):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.json")
            with open(path, "w", encoding="utf-8") as log:
                log.writelines(json.dumps(test) + "\n" for test in tests)
            command = [sys.executable, os.path.join(HERE, "tally.py"), path]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_the_last_line_and_status_tell_the_result(self):
        good = program("1..1\nok 1 - a\n")
        self.assertEqual(self.run_on(good, good), (0, "2 passed, 0 failed"))
        self.assertEqual(self.run_on(good, program("", "FAIL", 1)), (1, "1 passed, 1 failed"))
        self.assertEqual(self.run_on(), (1, "0 passed, 1 failed"))


class Tap(unittest.TestCase):
    def run_tests(self, body):
        done = self.run_file(body)
        return count(program(done.stdout, "OK" if done.returncode == 0 else "FAIL", done.returncode))

    def run_file(self, body):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "test_sample.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write("import os, unittest\n\nclass T(unittest.TestCase):\n" + textwrap.indent(
                    textwrap.dedent(body), "    "))
            command = [sys.executable, os.path.join(HERE, "tap.py"), path]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_what_is_printed_is_not_a_result(self):
        self.assertEqual(self.run_tests("""
            def test_noise(self):
                print("ok 7 - not a test")
                os.system("echo ok 8 - nor this")
            """), (1, 0))

    def test_a_note_is_a_comment(self):
        done = self.run_file("""
            def test_note(self):
                import notes
                notes.note("ok 1 - line\\nnot ok 2")
            """)
        self.assertEqual(done.stdout, "# ok 1 - line\n# not ok 2\nok 1 - T.test_note\n1..1\n")

    def test_failures_errors_and_skips_are_told(self):
        self.assertEqual(self.run_tests("""
            def test_good(self): pass
            def test_bad(self): self.fail("x")
            def test_error(self): 1 / 0
            @unittest.skip("why")
            def test_skip(self): pass
            @unittest.expectedFailure
            def test_known(self): self.fail("x")
            def test_parts(self):
                for part in range(2):
                    with self.subTest(part=part): self.assertEqual(part, 0)
            """), (1, 5))

    def test_a_run_that_breaks_off_fails(self):
        self.assertEqual(self.run_tests("""
            def test_a(self): pass
            def test_b(self): os._exit(0)
            """), (1, 1))

    def test_no_tests_are_a_failure(self):
        self.assertEqual(self.run_tests("x = 1"), (0, 1))

    def test_a_class_that_cannot_start_is_a_failure(self):
        self.assertEqual(self.run_tests("""
            @classmethod
            def setUpClass(cls): 1 / 0
            def test_a(self): pass
            """), (0, 1))

    def test_details_are_comments(self):
        out = io.StringIO()
        tap.TapResult(out).point(False, "name", details="ok 1 - line\nnot ok 2")
        self.assertEqual(out.getvalue(), "not ok 1 - name\n# ok 1 - line\n# not ok 2\n")


if __name__ == "__main__":
    unittest.main()
