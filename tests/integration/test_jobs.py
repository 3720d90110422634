"""Durable work: it happens once, whatever happens to the host in between."""
import os
import time
import unittest

from stack import BUILD, ROUNDS, Stack, until

JOBS = "[jobs]\npath = " + os.path.join(BUILD, "tests/plugins/jobs/jobs.so") + "\n"


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=JOBS))

    def setUp(self):
        self.ann = self.stack.user("Ann")

    def ask(self, text, wanted):
        sent = self.stack.send(self.ann, text)
        return self.stack.wait_message(self.ann, wanted, after=sent["message_id"])

    def enqueue(self, text):
        """The id of the job."""
        return self.ask(text, "queued")["text"].split()[-1]

    def test_it_is_done_once_and_says_how_far_it_is(self):
        job = self.enqueue("/steps 1 20")
        done = self.stack.wait_message(self.ann, "did 1 in 20 steps")
        self.assertEqual(self.stack.sql("SELECT COUNT(*) AS n, MAX(step) AS m FROM jobs_steps WHERE number = 1"),
                         [(20, 20)])
        self.ask(f"/find {job}", "done 100% all steps -")
        self.ask("/steps 1 20", "known 1 " + job)
        shown = [m for m in self.stack.bot_messages(self.ann) if m["text"].startswith(("step", "did"))]
        self.assertEqual([m["message_id"] for m in shown], [done["message_id"]], "one message is edited")

    def test_it_is_tried_again(self):
        self.ask("/fail 1", "worked at last, attempt 2")

    def test_the_last_attempt_fails(self):
        job = self.enqueue("/fail 9")
        self.stack.wait_message(self.ann, "gave up: the other side failed: attempt 3, the last")
        until(lambda: self.stack.sql(f"SELECT state FROM jobs WHERE id = '{job}'") == [("dead",)], "it is dead")
        self.ask(f"/find {job}", "dead")

    def test_without_failed_the_host_says_so(self):
        job = self.enqueue("/silent")
        self.stack.wait_message(self.ann, "Something went wrong")
        until(lambda: self.stack.sql(f"SELECT state FROM jobs WHERE id = '{job}'") == [("dead",)], "it is dead")
        self.assertRegex(self.stack.host.output().decode(),
                         rf'db: plugin jobs, job "silent" {job}: code=.*absent.*, in: UPDATE jobs_steps')

    def test_it_is_cancelled_by_its_button(self):
        self.enqueue("/slow")
        self.stack.press_text(self.ann, self.stack.wait_message(self.ann, "slowly"), "Cancel")
        self.stack.wait_message(self.ann, "was cancelled")

    def test_its_button_stops_no_handler(self):
        self.enqueue("/slow")
        message = self.stack.wait_message(self.ann, "slowly")
        self.ask("/nap", "asleep")
        self.stack.press_text(self.ann, message, "Cancel")
        self.stack.wait_message(self.ann, "awake")
        self.stack.wait_message(self.ann, "was cancelled")

    def test_it_is_cancelled_by_anothers_host(self):
        job = self.enqueue("/slow")
        self.stack.wait_message(self.ann, "slowly")
        self.stack.sql(f"UPDATE jobs SET is_cancelled = 1 WHERE id = '{job}'")
        self.stack.wait_message(self.ann, "was cancelled")

    def test_another_attempt_has_begun_elsewhere(self):
        job = self.enqueue("/steps 5 500")
        self.stack.wait_message(self.ann, "step ")
        self.stack.sql(f"UPDATE jobs SET attempt = attempt + 1, lease_until = 0 WHERE id = '{job}'")
        self.stack.wait_message(self.ann, "did 5 in 500 steps")
        self.assertEqual(self.stack.sql("SELECT COUNT(DISTINCT step) AS d, COUNT(*) AS n FROM jobs_steps"
                                        " WHERE number = 5"), [(500, 500)])

    def test_it_waits_and_is_woken(self):
        job = self.enqueue("/wait")
        self.stack.wait_message(self.ann, "waits")
        until(lambda: self.stack.sql(f"SELECT state FROM jobs WHERE id = '{job}'") == [("waiting",)], "it waits")
        self.ask(f"/wake {job}", "was woken")

    def test_a_notification_is_in_their_language(self):
        boris = self.stack.user("Boris", "ru")
        self.stack.send(boris, "/tell")
        self.stack.wait_message(boris, "Привет")

    def test_a_job_and_what_belongs_to_it(self):
        self.stack.send(self.ann, "/together fail")
        self.stack.wait_message(self.ann, "Something went wrong")
        self.stack.send(self.ann, "/together")
        self.stack.wait_message(self.ann, "told")
        rows = f"SELECT COUNT(*) AS n FROM jobs_steps WHERE number = -1 AND step = {self.ann}"
        self.assertEqual(self.stack.sql(rows), [(1,)])

    def test_two_of_one_key_in_a_transaction(self):
        self.stack.send(self.ann, "/together twice")
        self.stack.wait_message(self.ann, "told")
        self.assertEqual(self.stack.sql(f"SELECT COUNT(*) AS n FROM jobs WHERE telegram_id = {self.ann}"), [(1,)])


class Notified(unittest.TestCase):
    """Somebody else than the person whom the work is for, with another language."""

    def check(self, stack, boris):
        told = stack.wait_message(boris, "3 заметки")
        first, anyone = (button["callback_data"] for button in told["reply_markup"]["inline_keyboard"][0])
        after = told["message_id"]
        for label in ("Открыть", "any"):
            stack.press_text(boris, told, label)
            after = stack.wait_message(boris, "opened", after=after)["message_id"]
        return first, anyone

    def refused(self, stack, person, message, data):
        """This person presses, under this message, a button with this data."""
        pressed = stack.api("/sandbox/press", {"user_id": person, "chat_id": message["chat"]["id"],
                                               "message_id": message["message_id"], "data": data})
        event = stack.wait_event(type="answer_callback", callback_query_id=pressed["callback_query_id"])
        self.assertTrue(event["show_alert"], event)

    def test_by_a_handler(self):
        with Stack(plugins_ini=JOBS) as stack:
            ann, boris, eve = stack.user("Ann"), stack.user("Boris", "ru"), stack.user("Eve")
            stack.send(boris, "/find x")
            told_before = stack.wait_message(boris)
            group = stack.api("/sandbox/chats", {"user_id": ann, "type": "supergroup", "title": "The group"})["id"]
            stack.api("/sandbox/send", {"user_id": ann, "chat_id": group, "text": f"/remind {boris}"})
            reminded = stack.wait_message(group, "reminded")
            first, anyone = self.check(stack, boris)
            own = reminded["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            for person in (eve, boris):  # what was made after the notification is Ann's again
                self.refused(stack, person, reminded, own)
            for person, data in ((eve, first), (eve, anyone), (boris, first), (ann, first)):
                self.refused(stack, person, reminded, data)
            self.refused(stack, boris, told_before, first[:-1] + ("A" if first[-1] != "A" else "Q"))
            stack.api("/sandbox/press", {"user_id": ann, "chat_id": group, "message_id": reminded["message_id"],
                                         "row": 0, "column": 0})
            stack.wait_message(group, "opened", after=reminded["message_id"])

    def test_by_a_schedule(self):
        with Stack(plugins_ini=JOBS) as stack:
            boris = stack.user("Boris", "ru")
            stack.send(boris, "/find x")
            stack.wait_message(boris)
            stack.stop_host()
            stack.sql(f"INSERT INTO jobs_steps (number, step) VALUES (-8, {boris})")
            stack.sql("UPDATE schedules SET next_at = 1700000000 WHERE name = 'nightly'")
            stack.start_host()
            self.check(stack, boris)


class Schedules(unittest.TestCase):
    def test_what_was_missed(self):
        with Stack(plugins_ini=JOBS) as stack:
            stack.stop_host()
            stack.sql("UPDATE schedules SET next_at = 1700000000")
            stack.start_host()
            ticks = "SELECT COUNT(*) AS n FROM jobs_steps WHERE number = -7"
            until(lambda: stack.sql(ticks) == [(1,)], "the one that catches up runs once")
            until(lambda: stack.sql("SELECT COUNT(*) AS n FROM schedules WHERE next_at > 1700000000") == [(2,)],
                  "both wait for their next time")
            self.assertEqual(stack.sql("SELECT unique_key FROM jobs"), [("nightly@1700000000",)])
            self.assertIn(b"schedule=missable was missed", stack.host.output())

    def test_a_changed_time_is_computed_anew(self):
        with Stack(plugins_ini=JOBS) as stack:
            planned = stack.sql("SELECT next_at FROM schedules WHERE name = 'nightly'")
            stack.stop_host()
            stack.sql("UPDATE schedules SET cron = '* * * * *', next_at = 1700000000 WHERE name = 'nightly'")
            # As a host left it that did not keep the text: what was missed is still due.
            stack.sql("UPDATE schedules SET cron = '', next_at = 1700000000 WHERE name = 'missable'")
            stack.start_host()
            until(lambda: b"schedule=missable was missed" in stack.host.output(), "those that are due have run")
            self.assertEqual(stack.sql("SELECT next_at, cron FROM schedules WHERE name = 'nightly'"),
                             [(*planned[0], "30 3 * * *")])
            self.assertEqual(stack.sql("SELECT COUNT(*) AS n FROM jobs"), [(0,)], "not at the old time")


class Killed(unittest.TestCase):
    def test_no_step_is_lost_or_doubled(self):
        """kill -9 while jobs run, a clean restart in between, each step counted in the database."""
        people, steps = 6, 40
        with Stack(plugins_ini=JOBS) as stack:
            users = [stack.user(f"User {i}") for i in range(people)]
            for round_number in range(ROUNDS):
                before = {user: stack.send(user, f"/steps {100 + people * round_number + i} {steps}")["message_id"]
                          for i, user in enumerate(users)}
                for kill in range(4):
                    time.sleep(0.15 * (kill + 1))
                    (stack.stop_host if kill == 2 else stack.kill_host)()
                    stack.start_host()
                for user in users:
                    stack.wait_message(user, f"in {steps} steps", after=before[user])
                for i in range(people):
                    number = 100 + people * round_number + i
                    self.assertEqual(stack.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT step) AS d FROM jobs_steps"
                                               f" WHERE number = {number}"), [(steps, steps)])
            states = stack.sql("SELECT DISTINCT state FROM jobs")
            self.assertEqual(states, [("done",)])


if __name__ == "__main__":
    unittest.main()
