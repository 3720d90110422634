"""The whole host on a disk that is full, or gives errors, for a while: nothing is lost or doubled, and it goes on by
itself when the disk works again."""
import mmap
import os
import sqlite3
import struct
import unittest

from stack import BUILD, Stack, until

PLUGINS = "".join(f"[{name}]\npath = {os.path.join(BUILD, 'tests/plugins', name, name + '.so')}\n"
                  for name in ("disk", "probe"))
# enum flaky_call, SQLite's code
WRITE, SYNC = 3, 4
FULL, IOERR_WRITE, IOERR_FSYNC = 13, 778, 1034


class Disk(unittest.TestCase):
    def order(self, call=0, code=0, after=0, count=0):
        self.orders[:20] = struct.pack("5i", call, code, after, count, 0)

    def failed(self):
        return struct.unpack("5i", self.orders[:20])[4]

    def test_it_fails_and_works_again(self):
        stack = Stack(plugins_ini=PLUGINS)
        with open(stack.write("orders", "\0" * 4096), "r+b") as file, mmap.mmap(file.fileno(), 4096) as self.orders:
            stack.env["AISHA_TEST_DISK"] = stack.path("orders")
            with stack:
                people, number = [stack.user() for _ in range(5)], 0
                for call, code in ((WRITE, FULL), (WRITE, IOERR_WRITE), (SYNC, IOERR_FSYNC)):
                    for after in (0, 1):  # what comes first, and what comes of it
                        with self.subTest(call=call, code=code, after=after):
                            self.order(call, code, after, -1)
                            for person in people:
                                stack.send(person, f"/add {number}")
                            until(lambda: self.failed() > 2, "the disk fails")
                            self.order()
                            for person in people:
                                stack.wait_message(person, lambda m, n=number: m["text"] == f"added {n}")
                            number += 1
                with sqlite3.connect(stack.path("aisha.db")) as database:
                    rows = database.execute("SELECT chat_id, number FROM probe_effects").fetchall()
                self.assertEqual(sorted(rows), sorted((person, n) for person in people for n in range(number)))


if __name__ == "__main__":
    unittest.main()
