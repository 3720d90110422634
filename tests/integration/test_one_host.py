"""One host for each database: a second one is refused, and who has lost the database does nothing to it any more."""
import os
import signal
import subprocess
import unittest

from servers import program
from stack import BUILD, Process, Stack, free_port, until

PROBE = "[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"
LOCK = 1634300776
HOLDER = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LOCK} AND granted"
WAITER = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LOCK} AND NOT granted"
AGAIN = b"the lock for one host is held again"


class OneHost(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(plugins_ini=PROBE, stores="servers"))
        self.server = self.stack.postgres
        self.ann = self.stack.user("Ann")

    def second_host(self, **settings):
        env = self.stack.host_env() | {"HTTP_LISTEN": f"127.0.0.1:{free_port()}"} | settings
        return Process(self.stack.host_command("run"), self.stack.path("second.log"), env, self.stack.folder)

    def psql(self, *statements, name="psql"):
        """A session of somebody else, which stays until it is killed."""
        command = [program("psql", self.server.bin), "-X", "-q", "-d", self.server.url]
        for text in (*statements, "SELECT pg_sleep(3600)"):
            command += ["-c", text]
        child = subprocess.Popen(command, env=os.environ | {"PGAPPNAME": name}, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
        self.addCleanup(child.wait)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.kill)
        return child

    def lose_the_lock(self):
        (holder,), = self.stack.sql(HOLDER)
        self.server.sql(f"SELECT pg_terminate_backend({holder})")
        return holder

    def lose_the_lock_asleep(self):
        """As a machine that is paused, or cut off for a while: it sees nothing of what comes next."""
        self.stack.host.family()
        os.kill(self.stack.host.pid, signal.SIGSTOP)
        self.lose_the_lock()

    def check_that_it_ends_when_it_wakes_up(self):
        os.kill(self.stack.host.pid, signal.SIGCONT)
        self.assertEqual(self.stack.host_died(), 1)
        self.assertRegex(self.stack.host.output(), rb"another host has taken over the database: aisha host \S+/\d+ \w+"
                                                   rb" \(it has worked meanwhile\)")
        self.assertNotIn(AGAIN, self.stack.host.output())
        self.stack.start_host()

    def check_that_it_works(self, number):
        self.stack.send(self.ann, f"/add {number}")
        self.stack.wait_message(self.ann, f"added {number}")
        self.assertEqual(self.stack.sql(f"SELECT COUNT(*) AS n FROM probe_effects WHERE number = {number}"), [(1,)])

    def test_a_second_one_is_refused(self):
        second = self.second_host()
        self.assertEqual(second.child.wait(60), 1)
        self.assertRegex(second.output().decode(),
                         r"in use by another host \(aisha host \S+/\d+ \w+ from 127.0.0.1, since .*\);")
        self.check_that_it_works(1)
        status, output = self.stack.run_host("migrate")
        self.assertEqual(status, 1)
        self.assertIn("in use by a host (aisha host ", output)

    def test_the_next_one_starts_at_once_after_a_kill(self):
        for number in range(3):
            self.stack.kill_host()
            self.stack.start_host()
            self.check_that_it_works(number)
        self.assertNotIn(b"in use", self.stack.host.output())

    def test_a_lost_lock_is_taken_again(self):
        old = self.lose_the_lock()
        until(lambda: AGAIN in self.stack.host.output(), "it takes the lock again")
        self.assertNotEqual(self.stack.sql(HOLDER), [(old,)])
        self.check_that_it_works(1)

    def test_who_has_missed_another_one_ends(self):
        self.lose_the_lock_asleep()
        other = self.second_host()
        self.check_that_it_works(1)
        self.assertEqual(other.end(), 0)
        self.check_that_it_ends_when_it_wakes_up()
        self.check_that_it_works(2)

    def test_who_has_missed_a_migration_ends(self):
        self.lose_the_lock_asleep()
        self.assertEqual(self.stack.run_host("migrate")[0], 0)
        self.check_that_it_ends_when_it_wakes_up()

    def test_who_has_missed_another_database_ends(self):
        self.lose_the_lock_asleep()
        self.stack.sql("DROP TABLE last_holder")
        os.kill(self.stack.host.pid, signal.SIGCONT)
        self.assertEqual(self.stack.host_died(), 1)
        self.assertIn(b"taken over the database: an unknown one (it has worked meanwhile)", self.stack.host.output())

    def test_a_crash_of_the_server_is_no_other_host(self):
        for number in range(2):
            self.server.stop(signal.SIGKILL)
            self.server.start()
            until(lambda: self.stack.host.output().count(AGAIN) > number, "it takes the lock again")
            self.check_that_it_works(number)

    def test_an_earlier_session_of_its_own_is_no_other_host(self):
        """One that got the lock, of which the host has never heard: its connection broke in that moment."""
        (name,), = self.stack.sql("SELECT application_name AS name FROM pg_stat_activity WHERE pid = "
                                  f"({HOLDER})")
        unheard = self.psql(f"SELECT pg_advisory_lock({LOCK})", name=name)
        until(lambda: self.stack.sql(WAITER), "it waits for the lock")
        self.lose_the_lock()
        until(lambda: AGAIN in self.stack.host.output(), "it takes the lock again")
        self.assertNotEqual(unheard.wait(60), 0)
        self.check_that_it_works(1)

    def set_read_only(self, value):
        self.server.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.server.sql("SELECT pg_reload_conf()")
        until(lambda: self.stack.sql("SELECT current_setting('transaction_read_only') AS now") == [(value,)],
              "it is so")

    def test_who_may_not_write_is_told(self):
        self.stack.stop_host()
        self.server.sql("CREATE ROLE guest LOGIN")
        second = self.second_host(DATABASE_URL=self.server.url.replace("aisha@", "guest@"))
        self.assertEqual(second.child.wait(60), 1)
        self.assertIn(b"DATABASE_URL: the lock for one host cannot be taken: permission denied for", second.output())
        self.set_read_only("on")  # as a standby is
        status, output = self.stack.run_host("migrate")
        self.assertEqual(status, 1)
        self.assertIn("the database server only reads now", output)
        launched = self.stack.launch_host()
        until(lambda: b"cannot execute" in self.stack.host.output(), "it says what it waits for")
        self.set_read_only("off")
        self.stack.wait_for_host(launched)
        self.check_that_it_works(1)

    def test_without_the_lock_nothing_is_done(self):
        self.psql(f"SELECT pg_advisory_lock({LOCK})")
        until(lambda: self.stack.sql(WAITER), "somebody waits for the lock")
        self.lose_the_lock()
        self.assertEqual(self.stack.host_died(), 1)
        self.assertRegex(self.stack.host.output(), rb"another host has taken over the database: psql from")
        self.stack.send(self.ann, "/add 1")
        self.assertEqual(self.second_host().child.wait(60), 1)
        self.lose_the_lock()  # the other one's now
        self.stack.start_host()
        self.stack.wait_message(self.ann, "added 1")
        self.assertNotIn(b"ended within", self.stack.host.output())
        self.check_that_it_works(2)

    def test_sessions_of_an_earlier_host_are_ended(self):
        self.stack.kill_host()
        ghost = self.psql("BEGIN", "INSERT INTO probe_effects (chat_id, number) VALUES (1, 1)",
                          name="aisha host gone/1 00000000")
        other = self.psql("BEGIN")
        until(lambda: len(self.stack.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'")) == 2,
              "both are at work")
        self.stack.start_host()
        self.assertNotEqual(ghost.wait(60), 0)
        self.assertIn(b"terminating connection", ghost.stderr.read())
        self.assertIsNone(other.poll())
        self.check_that_it_works(1)

    def test_a_session_of_an_earlier_host_that_hangs_is_waited_for(self):
        self.stack.stop_host()
        self.psql("BEGIN", name="aisha host gone/1 00000000")
        find = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'aisha host gone%'"
        (ghost,), = until(lambda: self.stack.sql(find), "it is there")
        os.kill(ghost, signal.SIGSTOP)
        launched = self.stack.launch_host()
        until(lambda: f"session {ghost} of an earlier host does not end".encode() in self.stack.host.output(),
              "it says what it waits for")
        os.kill(ghost, signal.SIGCONT)
        self.stack.wait_for_host(launched)
        self.check_that_it_works(1)

    def test_a_lock_that_hangs(self):
        (holder,), = self.stack.sql(HOLDER)
        os.kill(holder, signal.SIGSTOP)
        until(lambda: b"the lock for one host was lost" in self.stack.host.output(), "it notices")
        self.stack.send(self.ann, "/add 1")
        os.kill(holder, signal.SIGCONT)
        self.stack.wait_message(self.ann, "added 1")
        self.check_that_it_works(2)


if __name__ == "__main__":
    unittest.main()
