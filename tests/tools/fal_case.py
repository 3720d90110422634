"""fal.ai as its clients speak to it, for tests of the sandbox's double."""
import hashlib
import io
import json
import time
import zipfile

import ed25519
from picture import png
from stack import until
from wire import Wire

GREY, MAGENTA, CYAN = b"\x40\x80\xc0", b"\xff\0\xff", b"\0\xff\xff"
KEY = {"Authorization": "Key id:secret"}
TRAINER, FLUX = "fal-ai/flux-lora-portrait-trainer", "fal-ai/flux-lora"


def archive(images=5, colour=GREY, more=()):
    """A zip of pictures; more: pairs of name and bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(images):
            file.writestr(f"photo {number}.png", png(80, 90, colour))
        for name, content in more:
            file.writestr(name, content)
    return out.getvalue()


def is_good(jwks, headers, body):
    """Whether a webhook is signed by one of the keys, and not long ago."""
    stamp = headers.get("X-Fal-Webhook-Timestamp", "0")
    message = "\n".join([headers.get("X-Fal-Webhook-Request-Id", ""), headers.get("X-Fal-Webhook-User-Id", ""), stamp,
                         hashlib.sha256(body).hexdigest()]).encode()
    signature = bytes.fromhex(headers.get("X-Fal-Webhook-Signature", ""))
    return (len(signature) == 64 and abs(time.time() - int(stamp)) <= 300 and
            any(ed25519.is_signed(key["x"], message, signature) for key in jwks["keys"]))


class FalCase(Wire):
    def setUp(self):
        super().setUp()
        self.settings(training_ms=0, generation_ms=0)

    def settings(self, **settings):
        return self.stack.api("/sandbox/fal", settings)

    def ask(self, method, path, body=None, headers=KEY, kind="application/json"):
        """(status, headers, answer), whatever the status; JSON both ways, or bytes."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        status, answer_headers, answer = self.fetch(path, body, dict(headers) | {"Content-Type": kind}, method=method)
        if answer_headers.get_content_type() == "application/json":
            answer = json.loads(answer)
        return status, answer_headers, answer

    def submit(self, model, webhook=None, **body):
        path = f"/fal/{model}" + (f"?fal_webhook={webhook}" if webhook else "")
        status, _, answer = self.ask("POST", path, body)
        self.assertEqual(200, status, answer)
        self.assertEqual("IN_QUEUE", answer["status"])
        return answer

    def local(self, url):
        """The path of an address that the sandbox has given."""
        self.assertTrue(url.startswith(self.stack.url + "/fal/"), url)
        return url[len(self.stack.url):]

    def status(self, request, logs=False):
        return self.ask("GET", self.local(request["status_url"]) + ("?logs=1" if logs else ""))[2]

    def finish(self, request):
        """Its last status."""
        return until(lambda: (status := self.status(request, True))["status"] == "COMPLETED" and status, "it ends")

    def result(self, request, status=200):
        self.finish(request)
        got, headers, answer = self.ask("GET", self.local(request["response_url"]))
        self.assertEqual(status, got, answer)
        self.last_headers = headers
        return answer

    def run_model(self, model, **body):
        return self.result(self.submit(model, **body))

    def refusal(self, model, status=422, **body):
        """Place and type of the first error it ends with."""
        detail = self.result(self.submit(model, **body), status)["detail"]
        return [*detail[0]["loc"][1:], detail[0]["type"]]

    def store(self, content, name="a.zip", kind="application/zip"):
        """Uploads; the file's address."""
        status, _, answer = self.ask("POST", "/fal/storage/upload/initiate?storage_type=fal-cdn-v3",
                                     {"content_type": kind, "file_name": name})
        self.assertEqual(200, status)
        status, _, _ = self.ask("PUT", self.local(answer["upload_url"]), content, {}, kind)
        self.assertEqual(200, status)
        return answer["file_url"]

    def download(self, file):
        status, headers, content = self.fetch(self.local(file["url"]))
        self.assertEqual(200, status)
        self.assertEqual(file["content_type"], headers["Content-Type"])
        return content

    def train(self, model=TRAINER, **body):
        """The weights' file."""
        return self.run_model(model, images_data_url=self.store(archive()), **body)["diffusers_lora_file"]

    def jwks(self):
        return self.ask("GET", "/fal/.well-known/jwks.json", headers={})[2]
