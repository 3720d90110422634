"""What plugins keep in files, and how the outside gets and sends them; the same in a directory and in S3."""
import contextlib
import http.client
import http.server
import os
import random
import threading
import time
import unittest
import urllib.parse

from stack import BUILD, Stack, until

BLOBS = "[blobs]\npath = " + os.path.join(BUILD, "tests/plugins/blobs/blobs.so") + "\n"
CDN = "https://cdn.example.org/pictures"


def ask(url, method="GET", body=None, **headers):
    """Status, headers and body."""
    parts = urllib.parse.urlsplit(url)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


class Blobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=BLOBS, env={"CDN_URL": CDN}))
        cls.content = random.Random(7).randbytes(3_000_001)

    def do(self, what, body=None, wanted=200, **query):
        url = f"http://{self.stack.listen}/hooks/blobs/{what}?" + urllib.parse.urlencode(query)

        def taken():
            """The answer; a host that has just started asks for patience instead."""
            answer = ask(url, "GET" if body is None else "POST", body)
            return answer if answer[0] != 503 else None
        status, _, answer = until(taken, "requests are taken")
        self.assertEqual(status, wanted, (what, query, answer))
        return answer.decode(errors="replace") if what != "read" or status != 200 else answer

    def links(self, key, ttl=60, **more):
        return self.do("links", key=key, ttl=ttl, **more).split("\n")

    def test_what_is_written_in_pieces_is_read_in_pieces(self):
        self.assertEqual(self.do("write", self.content, key="w/big"), "written")
        size = len(self.content)
        self.assertEqual(self.do("head", key="w/big"), f"w/big {size} application/octet-stream new")
        for offset, count in ((0, 10), (1_000_000, 1_500_000), (size - 5, 100), (size, 5), (size + 9, 5), (0, size)):
            self.assertEqual(self.do("read", key="w/big", offset=offset, count=count),
                             self.content[offset:offset + count], (offset, count))
        self.do("write", b"short", key="w/big")
        self.assertEqual(self.do("read", key="w/big", offset=0, count=100), b"short")
        self.assertEqual(self.do("read", wanted=500, key="w/none", offset=0, count=1), "not found")
        self.assertEqual(self.do("write", b"x", wanted=500, key="w/../x"), "invalid input")

    def test_what_is_not_finished_is_not_there(self):
        self.do("write", self.content, key="left", leave=1)
        self.assertEqual(self.do("head", wanted=500, key="left"), "not found")
        self.assertEqual(self.do("list", prefix="left"), ".")

    def test_a_type_of_its_own(self):
        self.do("write", b"GIF89a", key="t/picture", type="image/gif")
        self.do("write", b"<b>", key="t/page.png", type="text/html")
        self.do("write", b"zip", key="t/a.zip")
        for key, kind in (("t/picture", "image/gif"), ("t/page.png", "text/html"), ("t/a.zip", "application/zip")):
            self.assertIn(f" {kind} ", self.do("head", key=key))

    def test_lists(self):
        keys = ["l/a", "l/a.b", "l/a/1", "l/a/2/3", "l/a0", "l/b"]
        for index, key in enumerate(keys):
            if key != "l/a":
                self.do("write", b"x" * index, key=key)
        keys, sizes = keys[1:], {key: index for index, key in enumerate(keys)}
        shown = [f"{key}:{sizes[key]} " for key in sorted(keys)]
        self.assertEqual(self.do("list", prefix="l/"), "".join(shown) + ".")
        found, after = [], ""
        while after != ".":
            *page, after = self.do("list", prefix="l/", max=2, **({"after": after} if after else {})).split(" ")
            found += page
        self.assertEqual(found, [text.strip() for text in shown])
        self.assertEqual(self.do("list", prefix="l/a/"), "l/a/1:2 l/a/2/3:3 .")
        self.assertEqual(self.do("list", prefix="l/", after="l/a/1", max=1), "l/a/2/3:3 l/a/2/3")
        self.assertEqual(self.do("delete", wanted=500, folder="l/a"), "invalid input")
        self.do("delete", folder="l/a/")
        self.assertEqual(self.do("list", prefix="l/"), "l/a.b:1 l/a0:4 l/b:5 .")
        self.do("delete", key="l/b")
        self.assertEqual(self.do("list", prefix="l/b"), ".")

    def test_links_for_others(self):
        self.do("write", self.content, key="o/film.mp4")
        get, put, everybody = self.links("o/film.mp4")
        self.assertEqual(everybody, CDN + "/blobs/o/film.mp4")
        status, headers, body = ask(get)
        self.assertEqual((status, headers["Content-Type"], body), (200, "video/mp4", self.content))
        status, headers, body = ask(get, Range="bytes=1000-1999")
        self.assertEqual((status, body), (206, self.content[1000:2000]))
        self.assertEqual(headers["Content-Range"], f"bytes 1000-1999/{len(self.content)}")
        self.assertEqual(ask(put, "PUT", b"another", Content_Type="video/mp4")[0], 200)
        self.assertEqual(ask(get)[2], b"another")
        for url, method in ((get, "PUT"), (put, "GET"), (get.replace("film", "filn"), "GET"),
                            (put.replace("film", "filn"), "PUT"), (get[:-1] + ("0" if get[-1] != "0" else "1"), "GET")):
            self.assertIn(ask(url, method, b"x" if method == "PUT" else None)[0], (403, 405), (url, method))
        self.assertEqual(self.do("read", key="o/film.mp4", offset=0, count=9), b"another")

    def test_links_expire(self):
        self.do("write", b"x", key="o/late")
        get, put, _ = self.links("o/late", ttl=1)
        limited = self.links("o/late", ttl=1, max=5)[1]
        until(lambda: ask(get)[0] == 403, "the link expires")
        time.sleep(max(0, 1 - time.time() % 1))
        for url, method in ((get, "GET"), (put, "PUT"), (limited, "PUT")):
            status, _, body = ask(url, method, b"y" if method == "PUT" else None)
            self.assertEqual((status, b"no longer valid" in body or b"expired" in body), (403, True), (url, body))
        self.assertEqual(self.do("read", key="o/late", offset=0, count=9), b"x")

    def test_an_upload_with_a_limit(self):
        put = self.links("u/limited.txt", max=1000)[1]
        self.assertEqual(ask(put, "PUT", b"x" * 1001)[0], 413)
        self.assertEqual(ask(put, "PUT", iter([b"x" * 600, b"x" * 600]))[0], 413)  # its length is not said
        self.assertEqual(ask(put.replace("max=1000", "max=2000"), "PUT", b"x")[0], 403)
        self.assertEqual(ask(put, "POST", b"x")[0], 405)
        self.assertEqual(self.do("head", wanted=500, key="u/limited.txt"), "not found")
        self.assertEqual(ask(put, "PUT", b"y" * 1000, Content_Type="text/plain")[0], 200)
        self.assertEqual(self.do("head", key="u/limited.txt"), "u/limited.txt 1000 text/plain new")
        parts = urllib.parse.urlsplit(put)
        with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as broken:
            broken.putrequest("PUT", f"{parts.path}?{parts.query}")
            broken.putheader("Content-Length", "900")
            broken.endheaders()
            broken.send(b"z" * 500)
        self.assertEqual(self.do("read", key="u/limited.txt", offset=0, count=9), b"y" * 9)

    def test_a_result_is_fetched_from_elsewhere(self):
        content = self.content

        class Elsewhere(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                size = len(content) if self.path != "/missing" else 0
                self.send_response(200 if size else 404)
                self.send_header("Content-Length", str(size))
                self.send_header("Content-Type", "image/webp")
                self.end_headers()
                self.wfile.write(content[:1000] if self.path == "/broken" else content[:size])

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            base, size = f"http://127.0.0.1:{server.server_port}", len(content)
            self.assertEqual(self.do("fetch", key="f/a.webp", url=base + "/a", max=size),
                             f"stored 200 {size} image/webp")
            self.assertEqual(ask(self.links("f/a.webp")[0])[2], content)
            self.assertEqual(self.do("fetch", wanted=500, key="f/b", url=base + "/a", max=size - 1), "over a limit")
            self.assertEqual(self.do("fetch", key="f/b", url=base + "/missing", max=9), "not stored 404 0 image/webp")
            self.assertEqual(self.do("fetch", wanted=500, key="f/b", url=base + "/broken", max=size),
                             "the other side failed")
            self.assertEqual(self.do("fetch", wanted=500, key="f/b", url="ftp://x/", max=9), "invalid input")
            self.assertEqual(self.do("list", prefix="f/"), f"f/a.webp:{size} .")
            server.shutdown()

    def test_temporary_ones_go_by_themselves(self):
        self.do("write", b"x", key="x/short", expires=1)
        self.do("write", b"x", key="x/kept", expires=1)
        self.do("write", b"x", key="x/kept")  # for good
        self.do("write", b"x", key="x/long", expires=3600)
        self.do("expire", key="x/never-written", **{"in": 1})
        self.do("write", b"x", key="x/lifted", expires=1)
        self.do("expire", key="x/lifted", **{"in": 0})
        time.sleep(1.1)
        self.stack.kill_host()
        self.stack.start_host()  # which looks at once
        until(lambda: self.do("list", prefix="x/") == "x/kept:1 x/lifted:1 x/long:1 .", "the expired one goes")
        until(lambda: self.stack.sql("SELECT blob_key FROM temp_blobs") == [("blobs/x/long",)], "no row is left")


if __name__ == "__main__":
    unittest.main()
