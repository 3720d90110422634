"""The benches that compare the host with the raw loop, in full, for their tables: no speed makes this fail."""
import os
import subprocess
import sys
import unittest

from notes import note

DEV = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "dev")


class Full(unittest.TestCase):
    def bench(self, name):
        done = subprocess.run([DEV, "bench", "--no-install", name], stdout=subprocess.PIPE, stderr=sys.stderr,
                              text=True, check=False)
        note(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertIn("|--", done.stdout)

    def test_host(self):
        self.bench("host")

    def test_waiting(self):
        self.bench("waiting")

    def test_idle(self):
        self.bench("idle")


if __name__ == "__main__":
    unittest.main()
