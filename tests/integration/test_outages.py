"""What the host needs is slow, locked or gone for a while: nothing is lost, nobody is flooded, the rest goes on."""
import os
import sqlite3
import unittest

from stack import BUILD, Stack, until

ODD = "[odd]\npath = " + os.path.join(BUILD, "tests/plugins/odd/odd.so") + "\n"


class Database(unittest.TestCase):
    def test_a_locked_database_repeats_nothing_and_loses_nothing(self):
        with Stack(plugins_ini=ODD) as stack:
            ann = stack.user("Ann")
            stack.send(ann, "/nap 1")
            stack.wait_message(ann, "napping")
            lock = sqlite3.connect(stack.path("aisha.db"), isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            until(lambda: b"waits for a store that is down" in stack.host.output(), "the handler waits")
            before = stack.newest_request()
            until(lambda: stack.host.output().count(b"database is locked") >= 3, "it is tried several times")
            self.assertEqual(stack.requests("sendMessage", after=before), [])
            lock.execute("ROLLBACK")
            lock.close()
            stack.wait_message(ann, "napped")
            with sqlite3.connect(stack.path("aisha.db")) as database:
                self.assertEqual(database.execute("SELECT count(*) FROM odd_rows").fetchone(), (1,))

    def test_a_question_asked_while_it_is_locked_is_not_lost(self):
        with Stack(plugins_ini=ODD) as stack:
            ann = stack.user("Ann")
            stack.fault("sendMessage", delay_ms=3000)
            stack.send(ann, "/ask")
            until(lambda: stack.state()["pending_update_count"] == 0, "the update is in the inbox")
            lock = sqlite3.connect(stack.path("aisha.db"), isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            until(lambda: b"waits for a store that is down" in stack.host.output(), "the handler waits")
            lock.execute("ROLLBACK")
            lock.close()
            until(lambda: len(stack.bot_messages(ann)) == 2, "the question is asked again")
            stack.send(ann, "red")
            stack.wait_message(ann, "red for 42")


class Order(unittest.TestCase):
    def test_cancel_in_the_same_batch_as_what_it_cancels(self):
        with Stack(plugins_ini="[home]\n" + ODD, mode="polling") as stack:
            ann = stack.user("Ann")
            stack.stop_host()
            stack.send(ann, "/nap 60")
            stack.send(ann, "/cancel")
            stack.start_host()
            stack.wait_message(ann, "cancelled")
            stack.send(ann, "/null")
            stack.wait_message(ann, "1 nulls")

    def test_a_question_withdrawn_in_a_transaction(self):
        with Stack(plugins_ini=ODD) as stack:
            ann = stack.user("Ann")
            stack.send(ann, "/ask")
            stack.wait_message(ann, "Which color?")
            stack.send(ann, "/clear")
            stack.wait_message(ann, "cleared")
            stack.send(ann, "red")
            stack.wait_message(ann, "not sure")

    def test_an_alert_that_comes_too_late_is_a_message(self):
        with Stack(plugins_ini=ODD) as stack:
            ann = stack.user("Ann")
            stack.send(ann, "/late 4")
            stack.press_text(ann, stack.wait_message(ann, "press"), "Later")
            stack.wait_message(ann, "at last")


class Slots(unittest.TestCase):
    def test_one_connection_is_enough(self):
        with Stack(plugins_ini=ODD, env={"HTTP_SLOTS": "1"}) as stack:
            ann = stack.user("Ann")
            stack.send(ann, "/null")
            stack.wait_message(ann, "1 nulls", timeout=20)

    def test_slow_downloads_delay_nobody_else(self):
        with Stack(env={"HTTP_SLOTS": "2"}) as stack:
            people, ann = [stack.user() for _ in range(4)], stack.user("Ann")
            stack.fault("file", count=4, delay_ms=60000)
            for person in people:
                stack.upload(person, b"x" * 1000, "document", file_name="a.mp3")
                stack.wait_message(person, "Fetching")
            stack.send(ann, "/start")
            stack.wait_message(ann, "What shall we do?", timeout=20)
            for person in people:
                stack.press_text(person, stack.last_bot_message(person), "Cancel")
                stack.wait_message(person, "All right, stopped")

    def test_many_presses_without_an_answer(self):
        with Stack(plugins_ini=ODD, env={"MAX_IN_FLIGHT": "1"}) as stack:
            people = [stack.user() for _ in range(60)]
            for person in people:
                stack.send(person, "/late 0")
            buttons = [(person, stack.wait_message(person, "press")) for person in people]
            stack.send(people[0], "/nap 5")
            stack.wait_message(people[0], "napping")
            stack.fault("answerCallbackQuery", count=200, delay_ms=2000)
            for _ in range(4):
                for person, message in buttons:
                    stack.press_text(person, message, "Later")
            stack.wait_message(people[0], "napped")
            self.assertNotIn(b"no memory", stack.host.output())
            self.assertNotIn(b"stays for the next start", stack.host.output())


if __name__ == "__main__":
    unittest.main()
