"""What nobody works on any more, and how an operator has it done after all."""
import os
import pty
import subprocess
import unittest

from stack import BUILD, Process, Stack, until
from test_odd import ODD

JOBS = "[jobs]\npath = " + os.path.join(BUILD, "tests/plugins/jobs/jobs.so") + "\n"
UNKNOWN = "I don't know this command"


class DeadLetters(unittest.TestCase):
    def command(self, *arguments, status=0):
        got, output = self.stack.run_host("dead-letters", *arguments)
        self.assertEqual(got, status, output)
        return output

    def update_that_kills(self, text):
        """Sends it and lets the host die of it three times; the id of what is put aside."""
        ann = self.stack.user("Ann")
        self.stack.send(ann, text)
        for _ in range(3):
            self.stack.host_died()
            self.stack.host = Process(self.stack.host_command("run"), self.stack.path("host.log"),
                                      self.stack.host_env(), self.stack.folder)
        self.stack.wait_message(ann, "Something went wrong")
        return ann, until(lambda: self.stack.sql("SELECT update_id FROM dead_updates"), "it is put aside")[0][0]

    def test_an_update(self):
        with Stack(plugins_ini=ODD) as self.stack:
            ann, update = self.update_that_kills("/die " + "and a text that nobody needs to read " * 5)
            self.assertRegex(self.command("list"), rf"(?m)^{update} +update .* 3  the process has ended 3 times .*\n1 ")
            shown = self.command("show", str(update))
            self.assertRegex(shown, r'"text":\s+"/die and a text .{,50}…"')
            self.assertIn("the process has ended", shown)
            self.stack.stop_host()
            self.stack.write("etc/plugins.ini", "[home]\n")
            self.assertIn("else at its next start", self.command("replay", str(update)))  # offline
            self.assertIn("is handled again soon", self.command("list"))
            body = self.stack.sql("SELECT bot_id, body FROM dead_updates")[0]
            self.stack.start_host()
            answer = self.stack.wait_message(ann, UNKNOWN)
            until(lambda: self.command("list").endswith("0 dead letters\n"), "it is no dead letter any more")
            quoted = body[1].replace("'", "''")
            self.stack.sql("INSERT INTO dead_updates (bot_id, update_id, body, reason, attempts, failed_at)"
                           f" VALUES ({body[0]}, {update}, '{quoted}', 'x', 3, 1)")
            self.command("replay", "all")  # beside the host
            self.stack.wait_message(ann, UNKNOWN, after=answer["message_id"])
            until(lambda: self.stack.sql("SELECT COUNT(*) AS n FROM inbox") == [(0,)], "its row goes when it is done")
            self.assertEqual(sum(UNKNOWN in m["text"] for m in self.stack.bot_messages(ann)), 2)

    def test_jobs(self):
        with Stack(plugins_ini=JOBS) as self.stack:
            ann = self.stack.user("Ann")
            self.stack.send(ann, "/silent")
            self.stack.wait_message(ann, "Something went wrong")
            (job,), = until(lambda: self.stack.sql("SELECT id FROM jobs WHERE state = 'dead'"), "it is dead")
            self.assertRegex(self.command("list"), rf"(?m)^{job} +job jobs/silent .* 2  invalid input\n1 ")
            self.assertRegex(self.command("show", job), rf"user: {ann}\nchat: {ann}\ndata: \d+ bytes: ")
            self.assertIn("is handled again", self.command("replay", job))
            until(lambda: self.stack.sql("SELECT attempt FROM jobs WHERE state = 'dead'") == [(4,)], "it is dead again")
            self.assertIn("--yes", self.command("drop", job, status=1))
            self.assertIn(f"{job} was dropped", self.command("drop", job, "--yes"))
            self.assertEqual(self.stack.sql("SELECT COUNT(*) AS n FROM jobs"), [(0,)])

    def test_dropping_asks_whoever_can_answer(self):
        with Stack(plugins_ini=JOBS) as self.stack:
            self.stack.sql("INSERT INTO dead_updates (bot_id, update_id, body, reason, attempts, failed_at)"
                           " VALUES (123456, 7, '{}', 'x', 3, 1)")
            for answer, left in ((b"n\n", 1), (b"y\n", 0)):
                ours, theirs = pty.openpty()
                os.write(ours, answer)
                done = subprocess.run(self.stack.host_command("dead-letters", "drop", "7"), stdin=theirs, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.stack.host_env(),
                                      cwd=self.stack.folder, timeout=60)
                os.close(ours)
                os.close(theirs)
                self.assertIn(b"Drop 7 for ever?", done.stdout)
                self.assertEqual(self.stack.sql("SELECT COUNT(*) AS n FROM dead_updates"), [(left,)])

    def test_there_may_be_many(self):
        with Stack(plugins_ini=JOBS) as self.stack:
            self.stack.sql("INSERT INTO dead_updates (bot_id, update_id, body, reason, attempts, failed_at)"
                           " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2001)"
                           " SELECT 123456, i, '{}', 'x', 3, i / 300 FROM n")
            listed = self.command("list").splitlines()
            self.assertEqual((len(set(listed)), listed[-1]), (2003, "2001 dead letters"))
            self.assertTrue(self.command("drop", "all", "--yes").endswith("2001 dead letters\n"))
            self.assertEqual(self.stack.sql("SELECT COUNT(*) AS n FROM dead_updates"), [(0,)])

    def test_what_is_not_there(self):
        with Stack(plugins_ini=JOBS, host=False) as self.stack:
            output = self.command("list", status=1)
            if not self.stack.postgres:
                self.assertIn("there is no ", output)
                self.assertFalse(os.path.exists(self.stack.path("aisha.db")))
            self.assertEqual(self.stack.run_host("migrate")[0], 0)
            self.assertRegex(self.command("list"), r"(?m)^0 dead letters\n\Z")
            for action in (["show"], ["replay"], ["drop", "--yes"]):
                for name in ("12", "no-such-job", "\x1b[31m"):
                    self.assertIn("there is no dead letter", self.command(*action, name, status=1))
                self.assertIn("usage:", self.command(*action, status=2))
            self.assertIn("usage:", self.command("list", "--yes", "7", status=2))
            self.assertEqual(self.stack.run_host("check", "--yes")[0], 2)


if __name__ == "__main__":
    unittest.main()
