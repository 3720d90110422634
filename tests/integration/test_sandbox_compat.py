"""The sandbox reads requests as the libraries of bots write them: what their bots have found (tests/compat)."""
import json

from wire import ALICE, TOKEN, Wire


class Requests(Wire):
    def post(self, path, body, kind):
        status, _, answer = self.fetch(path, body, {"Content-Type": kind})
        answer = json.loads(answer)
        self.assertEqual(200, status, answer)
        return answer["result"]

    def part(self, disposition, content):
        return b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + content + b"\r\n"

    def test_names_of_files_need_no_quotes(self):
        for written, name in ((b"filename=some of it.bin", "some of it.bin"), (b"filename=a.bin ; x=y", "a.bin"),
                              (b'filename="some; of it.bin"', "some; of it.bin"),
                              (b"filename=a.bin; filename*=utf-8''b.bin", "a.bin")):
            body = (self.part(b'name="chat_id"', b"%d" % ALICE) + self.part(b"name=document; " + written, b"123") +
                    b"--b--\r\n")
            with self.subTest(written):
                message = self.post(f"/bot{TOKEN}/sendDocument", body, "multipart/form-data; boundary=b")
                self.assertEqual(name, message["document"]["file_name"])

    def test_the_method_may_be_a_parameter(self):
        for path in (f"/bot{TOKEN}/", f"/bot{TOKEN}/sendMessage", f"/bot{TOKEN}/sendmessage?method=getMe"):
            with self.subTest(path):
                body = json.dumps({"method": "sendMessage", "chat_id": ALICE, "text": path}).encode()
                self.assertEqual(path, self.post(path, body, "application/json")["text"])
                self.assertNotIn("ignored", self.stack.requests("sendMessage")[-1])
        self.assertEqual(4242, json.loads(self.fetch(f"/bot{TOKEN}/?method=getMe")[2])["result"]["id"])
        self.assertEqual(404, self.fetch(f"/bot{TOKEN}/")[0])

    def test_the_test_environment_is_the_same_world(self):
        message = self.post(f"/bot{TOKEN}/test/sendMessage", b"chat_id=%d&text=x" % ALICE,
                            "application/x-www-form-urlencoded")
        self.assertEqual("x", message["text"])
