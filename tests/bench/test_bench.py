"""The benches themselves: each runs in small and prints its tables. What they measure here means nothing."""
import glob
import json
import os
import re
import subprocess
import sys
import unittest

from harness import built

HERE = os.path.dirname(os.path.abspath(__file__))


def run(name):
    done = subprocess.run([sys.executable, os.path.join(HERE, f"bench_{name}.py"), "--short"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(out):
    """The rows of all tables, as lists of cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines()
            if line.startswith("|") and not line.startswith("|--")]


class Benches(unittest.TestCase):
    def test_the_host_answers_echo_and_dialogue_by_polling_and_webhook(self):
        found = {tuple(row[:2]) for row in rows(run("host"))}
        for mode in ("polling", "webhook"):
            for work in ("echo", "dialogue"):
                self.assertIn((mode, work), found)

    def test_the_sandbox_serves_a_bot_and_its_users(self):
        found = [row[0] for row in rows(run("sandbox"))]
        for work in ("a plain message", "a dialogue, by polling", "a dialogue, by webhook", "5000"):
            self.assertIn(work, found)

    def test_the_ledger_holds_and_captures_beside_pgbench(self):
        self.assertEqual([row[0] for row in rows(run("ledger"))][1:], ["hold + capture"])

    def test_a_large_file_goes_in_and_out(self):
        found = [tuple(row[:2]) for row in rows(run("blob"))[1:]]
        self.assertEqual(found, [(store, work) for store in ("directory", "S3") for work in ("put", "push", "pull")])

    def test_handlers_wait_for_a_slow_server_while_others_echo(self):
        found = rows(run("waiting"))
        self.assertEqual(["100", "100"], found[1][:2])
        self.assertRegex(found[1][6], r"^[\d.]+ \([\d.]+ to [\d.]+\)$")
        self.assertGreater(float(found[-1][0]), 0)

    def test_an_idle_host_says_when_it_is_ready_and_what_it_holds(self):
        found = rows(run("idle"))[1:]
        self.assertEqual([row[0] for row in found], ["first start", "next start"])
        for row in found:
            self.assertTrue(float(row[1]) > 0 and float(row[2]) > 0, row)
            self.assertEqual(row[3] == "0", float(row[4]) == 0, row)

    def test_a_profile_names_functions(self):
        self.assertTrue([row for row in rows(run("profile")) if re.match(r"\d+\.\d+$", row[0])])

    def test_the_cache_does_what_redis_benchmark_does(self):
        found = {row[0]: row[1] for row in rows(run("cache"))[1:]}
        self.assertEqual(found, {"get": "GET", "set": "SET", "add": "EVALSHA", "allow": "EVALSHA"})

    def test_the_store_is_measured_on_both_databases(self):
        found = {row[0]: row for row in rows(run("database"))}
        for name in ("PostgreSQL", "SQLite"):
            self.assertGreater(min(float(cell.split()[0]) for cell in found[name][2:]), 0, found[name])

    def test_every_bench_is_tested_here(self):
        names = {re.match(r"bench_(\w+)\.py", os.path.basename(path))[1] for path in glob.glob(HERE + "/bench_*.py")}
        with open(__file__, encoding="utf-8") as file:
            self.assertEqual(names, set(re.findall(r'run\("(\w+)"\)', file.read())))


class LoadGenerator(unittest.TestCase):
    def load(self, *command, work="echo"):
        command = [built("tests/bench/load"), "--work", work, "--chats", "100", "--count", "500", "--",
                   built("tests/bench/null"), *command]
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)

    def test_it_is_content_with_right_answers(self):
        done = self.load()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertGreaterEqual(json.loads(done.stdout)["updates"], 500)

    def test_it_counts_the_processes_of_an_idle_bot_apart(self):
        null = built("tests/bench/null")
        for script, count in ((f"exec {null}", 0), (f"sleep 4 & sleep 4 & exec {null}", 2)):
            done = subprocess.run([built("tests/bench/load"), "--idle", "--", "sh", "-c", script], capture_output=True,
                                  text=True, check=True)
            found = json.loads(done.stdout)
            self.assertEqual(found["helpers"], count)
            self.assertEqual(found["helpers_rss_kib"] > 0, count > 0)

    def test_it_notices_a_wrong_answer(self):
        done = self.load("wrong")
        self.assertEqual(1, done.returncode)
        self.assertIn("and not:", done.stderr)

    def test_it_notices_a_second_answer(self):
        done = self.load("twice")
        self.assertEqual(1, done.returncode)
        self.assertIn("has nothing to be answered", done.stderr)

    def test_it_notices_a_bot_that_keeps_no_dialogue(self):
        done = self.load(work="dialogue")
        self.assertEqual(1, done.returncode)
        self.assertIn("and not: What is your name?", done.stderr)


if __name__ == "__main__":
    unittest.main()
