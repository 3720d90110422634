"""S3 that goes away and answers nonsense while updates come: each takes effect once, and without a restart."""
import http.server
import json
import os
import threading
import unittest
import urllib.error
import urllib.request

from servers import S3
from stack import BUILD, Stack, until

BLOBS = "[blobs]\npath = " + os.path.join(BUILD, "tests/plugins/blobs/blobs.so") + "\n"


class Broken(http.server.BaseHTTPRequestHandler):
    """In the place of S3."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.count += 1
        status, code = ((500, "InternalError"), (503, "SlowDown"))[self.server.count % 2]
        body = b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer

    def log_message(self, *_):
        pass


class Outages(unittest.TestCase):
    def ready(self, stack):
        """Status of /readyz, and what it says about the files."""
        try:
            with urllib.request.urlopen(f"http://{stack.listen}/readyz", timeout=60) as answer:
                status, text = 200, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, next(check for check in json.loads(text)["checks"] if check["name"] == "files")

    def broken(self, port):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Broken)
        server.daemon_threads, server.count = True, 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def test_updates_wait_for_it_and_take_effect_once(self):
        with S3() as s3, Stack(plugins_ini=BLOBS, env={"BLOB_URL": s3.url}, stores="embedded") as stack:
            people = [stack.user(f"U{number}") for number in range(4)]
            first = self.ready(stack)
            self.assertEqual((first[0], self.ready(stack)), (200, first))  # for some seconds it is not asked again
            wanted = []

            def send(text):
                for person in people:
                    stack.send(person, f"/keep {person}-{text}")
                    wanted.append(f"blobs/kept/{person}-{text}")

            send("before")
            s3.stop()  # with what is on its way
            send("gone")
            until(lambda: self.ready(stack)[0] == 503, "it is missed")
            status, check = self.ready(stack)
            self.assertEqual((status, check["status"]), (503, "failed"))
            self.assertIn("reachable", check["advice"])
            server = self.broken(s3.port)
            send("broken")
            until(lambda: server.count > 10, "the broken one is asked")
            until(lambda: "S3 answers 50" in json.dumps(self.ready(stack)), "its errors are told")
            self.assertEqual(self.ready(stack)[0], 503)
            server.shutdown()
            server.server_close()
            s3.start()
            send("after")
            for person in people:
                stack.wait_message(person, "kept after", timeout=120)
            for person in people:
                texts = [message["text"] for message in stack.bot_messages(person)]
                self.assertEqual(texts, ["kept before", "kept gone", "kept broken", "kept after"])
            self.assertEqual(sorted(s3.keys()), sorted(wanted))
            self.assertEqual(stack.sql("SELECT count(*), count(DISTINCT key) FROM blobs_kept"), [(16, 16)])
            until(lambda: self.ready(stack)[0] == 200, "all is well again")
            self.assertNotIn(s3.secret.encode(), stack.host.output())
            self.assertNotIn(b"Signature=", stack.host.output())

    def test_links_name_the_place_that_others_know(self):
        with S3() as s3:
            env = {"BLOB_URL": s3.url, "BLOB_PUBLIC_URL": f"http://localhost:{s3.port}"}
            with Stack(plugins_ini=BLOBS, env=env, stores="embedded") as stack:
                hooks = f"http://{stack.listen}/hooks/blobs/"
                links = urllib.request.urlopen(hooks + "links?key=a.txt&ttl=60", timeout=60).read().decode()
                get, put, _ = links.split("\n")
                for link in (get, put):
                    self.assertTrue(link.startswith(f"http://localhost:{s3.port}/aisha-tests/blobs/a.txt?"), link)
                urllib.request.urlopen(urllib.request.Request(put, b"sent", method="PUT"), timeout=60).close()
                self.assertEqual(urllib.request.urlopen(get, timeout=60).read(), b"sent")

    def test_what_is_wrong_is_said_by_check(self):
        with S3() as s3, Stack(plugins_ini=BLOBS, env={"BLOB_URL": s3.url}, stores="embedded", host=False) as stack:
            for url, text in ((s3.url, "ok       files"), (s3.url.replace("eu-test-1", "eu-test-2"), "region="),
                              (s3.url.replace("aisha.key:", "aisha.key:x"), "the secret"),
                              (s3.url.replace("/aisha-tests", "/aisha-nowhere"), "make the bucket")):
                stack.env["BLOB_URL"] = url
                status, output = stack.run_host("check")
                self.assertEqual(status, 0 if url == s3.url else 1, output)
                self.assertIn(text, output)
                self.assertNotIn(s3.secret, output)


if __name__ == "__main__":
    unittest.main()
