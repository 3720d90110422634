"""kill -9 in the middle of work, rounds of 300 updates: nothing is lost, nothing takes effect twice."""
import os
import unittest

from stack import BUILD, ROUNDS, Stack, until

PROBE = "[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"
UPDATES, CHATS = 300, 10


class Kill(unittest.TestCase):
    def test_nothing_lost_nothing_doubled(self):
        with Stack(plugins_ini=PROBE) as stack:
            people = [stack.user(f"User {i}") for i in range(CHATS)]
            number = 0
            for round_number in range(3 * ROUNDS):
                for i in range(UPDATES):
                    stack.send(people[number % CHATS], f"/add {number}")
                    number += 1
                    if i == 100 + 70 * round_number % 200:
                        stack.kill_host()
                        stack.start_host()
                # In the middle of what is left, too: some are running, some wait, some are not fetched.
                stack.kill_host()
                stack.start_host()
            self.assertEqual(number, 3 * ROUNDS * UPDATES)
            expected = number // CHATS
            for person in people:
                self.check(stack, person, f"{expected} rows, {expected} numbers")

    def check(self, stack, person, wanted):
        def is_complete():
            after = stack.send(person, "/effects")["message_id"]
            return wanted in stack.wait_message(person, "numbers", after=after)["text"]

        until(is_complete, f"chat {person} has {wanted}", pause=0.2)


if __name__ == "__main__":
    unittest.main()
