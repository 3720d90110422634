"""One large file into the host's store and out of it again, in a directory and in S3 (Swift): time, and memory.

put: PUT to a signed link, through the host; push: a plugin stores a file of its own; pull: it copies it to a file.
"""
import contextlib
import hashlib
import http.client
import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from harness import built, megabytes, options, table  # noqa: E402
from servers import S3  # noqa: E402
from stack import Stack  # noqa: E402

PLUGINS = "[blobs]\npath = " + built("tests/plugins/blobs/blobs.so") + "\n"
PIECE = os.urandom(1 << 20)


class Store:
    def __init__(self, stack, size):
        self.stack, self.size = stack, size

    def request(self, method, url, body=None, headers=None):
        parts = urllib.parse.urlsplit(url)
        with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=600)) as connection:
            connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, (url, answer.status, text)
            return text

    def hook(self, name, **query):
        return self.request("GET", f"http://{self.stack.listen}/hooks/blobs/{name}?{urllib.parse.urlencode(query)}")

    def pieces(self):
        for at in range(0, self.size, len(PIECE)):
            yield PIECE[:self.size - at]

    def put(self):
        _, url, _ = self.hook("links", key="put", ttl=3600, max=self.size).split("\n")
        self.request("PUT", url, self.pieces(), {"Content-Length": str(self.size)})

    def push(self):
        self.hook("push", key="push", path=self.stack.path("large"))

    def pull(self):
        self.hook("pull", key="push", path=self.stack.path("copy"))

    def check(self):
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        with open(self.stack.path("copy"), "rb") as file:
            assert hashlib.file_digest(file, "sha256").digest() == digest.digest()

    def memory(self, name):
        with open(f"/proc/{self.stack.host.pid}/status", encoding="utf-8") as file:
            return next(megabytes(int(line.split()[1])) for line in file if line.startswith(name))

    def measure(self, work):
        """Seconds, MB before, MB at most."""
        with open(f"/proc/{self.stack.host.pid}/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")  # the peak begins anew
        before, began = self.memory("VmRSS"), time.monotonic()
        work()
        return time.monotonic() - began, before, self.memory("VmHWM")


def measure(kind, size):
    with contextlib.ExitStack() as stack:
        env = {"BLOB_URL": stack.enter_context(S3()).url} if kind == "S3" else {}
        store = Store(stack.enter_context(Stack(plugins_ini=PLUGINS, env=env, stores="embedded")), size)
        with open(store.stack.path("large"), "wb") as file:
            file.writelines(store.pieces())
        for work in (store.put, store.push, store.pull):
            seconds, before, peak = store.measure(work)
            if work == store.pull:  # pylint: disable=comparison-with-callable
                store.check()
            yield [kind, work.__name__, f"{seconds:.1f}", f"{size / 1e6 / seconds:.0f}", f"{before:.1f}", f"{peak:.1f}"]


def main():
    chosen = options(__doc__)
    size = 40_000_000 if chosen.short else 1_000_000_000
    table(f"A file of {size / 1e6:.0f} MB", ["store", "work", "s", "MB/s", "resident before, MB", "at most, MB"],
          [row for kind in ("directory", "S3") for row in measure(kind, size)])


if __name__ == "__main__":
    main()
