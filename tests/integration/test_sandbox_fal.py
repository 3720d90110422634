"""fal.ai's double: the queue, what models take and make, files, signed webhooks, and what goes wrong."""
import base64
import json
import os
import random
import struct
import unittest
import zlib

from fal_case import CYAN, FLUX, GREY, KEY, MAGENTA, TRAINER, FalCase, archive, is_good
from picture import png
from stack import ROUNDS, Stack, until
from wire import Webhook

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def size_of(content):
    """(format, width, height) of a picture, from its head."""
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "png", *struct.unpack(">II", content[16:24])
    if content[:4] == b"RIFF":
        return "webp", 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    at = 2
    while content[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(content[at + 2:at + 4], "big")
    height, width = struct.unpack(">HH", content[at + 5:at + 9])
    return "jpeg", width, height


def colours(content):
    """How many different bytes the rows of a PNG have."""
    at, data = 8, b""
    while at < len(content):
        length = int.from_bytes(content[at:at + 4], "big")
        data += content[at + 8:at + 8 + length] if content[at + 4:at + 8] == b"IDAT" else b""
        at += 12 + length
    return len(set(zlib.decompress(data)))


class QueueTest(FalCase):
    def test_a_key_is_wanted(self):
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Key "}):
            self.assertEqual(401, self.ask("POST", f"/fal/{FLUX}", {}, headers)[0])
        self.settings(key="id:secret")
        self.assertEqual(200, self.ask("POST", f"/fal/{FLUX}", {})[0])
        status, _, answer = self.ask("POST", f"/fal/{FLUX}", {}, {"Authorization": "Key other"})
        self.assertEqual((401, ["detail"]), (status, list(answer)))
        self.assertEqual(401, self.ask("GET", "/fal/v1/models/pricing", headers={})[0])

    def test_what_a_submit_says(self):
        answer = self.submit("fal-ai/flux-pro/v1.1-ultra", prompt="a cat")
        url = f"{self.stack.url}/fal/fal-ai/flux-pro/requests/{answer['request_id']}"
        self.assertEqual([url, url + "/status", url + "/cancel", 0],
                         [answer[name] for name in ("response_url", "status_url", "cancel_url", "queue_position")])
        for path in ("fal-ai/flux-pro/v1.1-ultra", "fal-ai/flux-pro"):
            self.assertEqual(200, until(lambda p=path: (got := self.ask(
                "GET", f"/fal/{p}/requests/{answer['request_id']}/status")[0]) != 202 and got, "it ends"))
        self.assertEqual(404, self.ask("GET", f"/fal/fal-ai/other/requests/{answer['request_id']}/status")[0])

    def test_what_is_not_there(self):
        self.assertEqual(404, self.ask("POST", "/fal/fal-ai/flux-pro-trainer", {})[0])
        for path in ("", "/status", "/response"):
            self.assertEqual((404, {"status": "NOT_FOUND"}),
                             self.ask("GET", f"/fal/{FLUX}/requests/{UNKNOWN}{path}")[::2])
        self.assertEqual(404, self.ask("PUT", f"/fal/{FLUX}/requests/{UNKNOWN}/cancel")[0])
        self.assertEqual(400, self.ask("POST", f"/fal/{FLUX}", b"{nonsense")[0])
        self.assertEqual(405, self.ask("GET", f"/fal/{FLUX}")[0])
        self.settings(gone=[FLUX])
        self.assertEqual(404, self.ask("POST", f"/fal/{FLUX}", {"prompt": "x"})[0])

    def test_a_queue_has_an_order(self):
        self.settings(concurrency=0)
        first, second = (self.submit(FLUX, prompt=text) for text in ("a", "b"))
        self.assertEqual(1, second["queue_position"])
        self.assertEqual(429, self.ask("POST", f"/fal/{FLUX}?fal_max_queue_length=1", {"prompt": "c"})[0])
        status, _, answer = self.ask("GET", self.local(first["status_url"]))
        self.assertEqual((202, "IN_QUEUE", 0), (status, answer["status"], answer["queue_position"]))
        status, _, answer = self.ask("GET", self.local(first["response_url"]))
        self.assertEqual((400, {"detail": "Request is still in progress"}), (status, answer))
        self.settings(concurrency=1)
        self.finish(second)
        self.assertEqual("COMPLETED", self.status(first)["status"])

    def test_progress_is_told(self):
        self.settings(training_ms=3600_000)
        request = self.submit(TRAINER, images_data_url=self.store(archive()), steps=2000)
        until(lambda: self.status(request)["status"] == "IN_PROGRESS", "it runs")
        self.assertIsNone(self.status(request)["logs"])
        few = self.status(request, True)["logs"]
        self.advance(1900)
        logs = self.status(request, True)["logs"]
        self.assertGreater(len(logs), len(few))
        self.assertIn("1000/2000", logs[-1]["message"])
        self.assertEqual({"message", "level", "source", "timestamp"}, set(logs[-1]))
        self.advance(1800)
        self.assertGreaterEqual(self.finish(request)["metrics"]["inference_time"], 3600)

    def test_cancelling(self):
        self.settings(concurrency=1, generation_ms=3600_000)
        running, waiting = (self.submit(FLUX, prompt=text) for text in ("a", "b"))
        for request in (waiting, running):
            self.assertEqual((202, {"status": "CANCELLATION_REQUESTED"}),
                             self.ask("PUT", self.local(request["cancel_url"]))[::2])
            self.assertEqual("client_cancelled", self.finish(request)["error_type"])
            self.result(request, 499)
        self.assertEqual((400, {"status": "ALREADY_COMPLETED"}),
                         self.ask("PUT", self.local(running["cancel_url"]))[::2])

    def test_a_limit_to_waiting(self):
        self.settings(concurrency=0)
        status, _, request = self.ask("POST", f"/fal/{FLUX}", {"prompt": "a"}, KEY | {"X-Fal-Request-Timeout": "60"})
        self.assertEqual(200, status)
        self.advance(50)
        self.assertEqual("IN_QUEUE", self.status(request)["status"])
        self.advance(11)
        self.result(request, 504)
        self.assertEqual(("request_timeout", "user"), (self.last_headers["X-Fal-Error-Type"],
                                                       self.last_headers["X-Fal-Request-Timeout-Type"]))

    def test_a_stream_of_the_status(self):
        self.settings(concurrency=0)
        request = self.submit(FLUX, prompt="a")
        self.settings(concurrency=1)
        status, headers, content = self.ask("GET", self.local(request["status_url"]) + "/stream")
        events = [json.loads(line[6:]) for line in content.decode().split("\n\n") if line]
        self.assertEqual((200, "text/event-stream"), (status, headers["Content-Type"]))
        self.assertEqual("COMPLETED", events[-1]["status"])

    def test_a_direct_call_waits(self):
        status, _, answer = self.ask("POST", f"/fal/run/{FLUX}", {"prompt": "a"})
        self.assertEqual((200, 1), (status, len(answer["images"])))
        status, headers, answer = self.ask("POST", f"/fal/run/{FLUX}", {})
        self.assertEqual((422, "missing", "false"),
                         (status, answer["detail"][0]["type"], headers["X-Fal-Retryable"]))
        self.settings(concurrency=0)
        self.assertEqual(429, self.ask("POST", f"/fal/run/{FLUX}", {"prompt": "a"})[0])

    def test_models_and_prices(self):
        models = self.ask("GET", f"/fal/v1/models?endpoint_id={FLUX}", headers={})[2]["models"]
        self.assertEqual([FLUX], [model["endpoint_id"] for model in models])
        self.assertGreater(len(self.ask("GET", "/fal/v1/models")[2]["models"]), 10)
        self.assertEqual("USD", self.ask("GET", "/fal/v1/models/pricing")[2]["prices"][0]["currency"])


class InputTest(FalCase):
    def test_inputs_are_checked(self):
        for wanted, body in (
                (["prompt", "missing"], {}),
                (["prompt", "string_type"], {"prompt": 5}),
                (["num_images", "less_than_equal"], {"prompt": "x", "num_images": 5}),
                (["num_images", "int_type"], {"prompt": "x", "num_images": 1.5}),
                (["guidance_scale", "greater_than_equal"], {"prompt": "x", "guidance_scale": -1}),
                (["output_format", "one_of"], {"prompt": "x", "output_format": "bmp"}),
                (["image_size", "one_of"], {"prompt": "x", "image_size": "large"}),
                (["image_size", "width", "greater_than"], {"prompt": "x", "image_size": {"width": 0}}),
                (["image_size", "width", "less_than_equal"], {"prompt": "x", "image_size": {"width": 10**12}}),
                (["image_size", "image_too_large"], {"prompt": "x", "image_size": {"width": 14142, "height": 14142}}),
                (["loras", 0, "path", "missing"], {"prompt": "x", "loras": [{}]}),
                (["loras", "list_type"], {"prompt": "x", "loras": {}}),
                (["acceleration", "one_of"], {"prompt": "x", "acceleration": "warp"})):
            with self.subTest(wanted=wanted):
                self.assertEqual(wanted, self.refusal(FLUX, **body))
        self.assertEqual(["steps", "multiple_of"], self.refusal("fal-ai/flux-2-trainer", image_data_url="x", steps=150))

    def test_an_error_has_two_faces(self):
        request = self.submit(FLUX)
        status = self.finish(request)
        self.assertEqual(("Invalid status code: 422", "missing"), (status["error"], status["error_type"]))
        detail = self.result(request, 422)["detail"]
        self.assertEqual({"loc", "msg", "type", "url", "input"}, set(detail[0]))
        self.assertEqual("false", self.last_headers["X-Fal-Retryable"])


class TrainingTest(FalCase):
    def refused(self, content, **body):
        return self.refusal(TRAINER, images_data_url=self.store(content), **body)[-1]

    def test_archives_are_checked(self):
        broken = bytearray(archive())
        broken[60] ^= 0xff
        wide = png(20, 20)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png(20, 20)[24:]
        for wanted, content in (
                ("unsupported_archive_format", b"no zip"), ("unsupported_archive_format", bytes(broken)),
                ("unsupported_archive_format", archive()[:-30]), ("sequence_too_short", archive(3)),
                ("sequence_too_short", archive(0, more=[("a.txt", "x"), ("__MACOSX/a.png", "x"), (".b.png", "x")])),
                ("unsupported_image_format", archive(4, more=[("x.jpg", b"text")])),
                ("image_load_error", archive(4, more=[("x.png", png(90, 90)[:60])])),
                ("image_too_small", archive(4, more=[("x.png", png(30, 200))])),
                ("image_too_large", archive(4, more=[("x.png", wide)])),
                ("file_too_large", archive(4, more=[("x.png", bytes(65 << 20))])),
                ("face_detection_error", archive(5, CYAN))):
            with self.subTest(wanted=wanted):
                self.assertEqual(wanted, self.refused(content))

    def test_archives_that_are_fine(self):
        more = [("photo 0.txt", "[trigger] in a hat"), ("photo 0_mask.png", "mask"), ("folder/", "")]
        self.train()
        url = self.store(archive(4, CYAN, more))
        self.run_model(TRAINER, images_data_url=url, subject_crop=False)
        self.run_model("fal-ai/flux-lora-fast-training", images_data_url=url, is_style=True)
        self.run_model("fal-ai/flux-2-trainer", image_data_url=url)
        data = "data:application/zip;base64," + base64.b64encode(archive()).decode()
        self.run_model("fal-ai/turbo-flux-trainer", images_data_url=data)

    def test_what_cannot_be_fetched(self):
        for url in ("nonsense", "https://files.invalid/a.zip", self.stack.url + "/fal/files/none/a.zip",
                    "http://127.0.0.1:1/a.zip", "data:x;base64,####", "data:x;base64,A"):
            self.assertEqual(["images_data_url", "file_download_error"], self.refusal(TRAINER, images_data_url=url))

    def test_weights_are_a_file_of_their_kind(self):
        self.settings(weights_bytes=65536)
        file = self.train(trigger_phrase="ohwx man", steps=1234)
        content = self.download(file)
        length = int.from_bytes(content[:8], "little")
        head = json.loads(content[8:8 + length])
        self.assertEqual(("ohwx man", "1234"), (head["__metadata__"]["trigger"], head["__metadata__"]["steps"]))
        [tensor] = [value for name, value in head.items() if name != "__metadata__"]
        rows, columns = tensor["shape"]
        self.assertEqual([0, rows * columns * 4], tensor["data_offsets"])
        self.assertEqual(len(content), 8 + length + rows * columns * 4)
        self.assertEqual(file["file_size"], len(content))


class ImageTest(FalCase):
    def image(self, **body):
        return self.run_model(body.pop("model", FLUX), **({"prompt": "a cat"} | body))

    def test_pictures_have_the_size_that_was_asked_for(self):
        for model, wanted, body in (
                (FLUX, ("jpeg", 1024, 768), {}), (FLUX, ("jpeg", 512, 512), {"image_size": "square"}),
                (FLUX, ("png", 333, 77), {"image_size": {"width": 333, "height": 77}, "output_format": "png"}),
                (FLUX, ("jpeg", 1, 1), {"image_size": {"width": 1, "height": 1}}),
                ("fal-ai/flux-2", ("webp", 576, 1024), {"image_size": "portrait_16_9", "output_format": "webp"}),
                ("fal-ai/nano-banana-2", ("png", 384, 688), {"aspect_ratio": "9:16", "resolution": "0.5K"})):
            with self.subTest(wanted=wanted):
                [image] = self.image(model=model, **body)["images"]
                content = self.download(image)
                if wanted[0] == "webp":
                    self.assertEqual(b"WEBP", content[8:12])
                else:
                    self.assertEqual(wanted, size_of(content))
                self.assertEqual(wanted[1:], (image["width"], image["height"]))

    def test_what_an_output_says(self):
        answer = self.image(num_images=3, seed=42)
        self.assertEqual((3, 42, [False] * 3, "a cat"), (len(answer["images"]), answer["seed"],
                                                         answer["has_nsfw_concepts"], answer["prompt"]))
        large = 196619188014358661
        self.assertEqual(large, self.image(seed=large)["seed"])
        self.assertGreater(self.image()["seed"], 2**53)
        self.assertTrue(self.image(sync_mode=True)["images"][0]["url"].startswith("data:image/jpeg;base64,/9j/"))

    def test_the_same_makes_the_same(self):
        def content(**body):
            answer = self.image(output_format="png", image_size="square", **body)
            return self.download(answer["images"][0])

        first = content(seed=1)
        self.assertEqual(first, content(seed=1))
        self.assertNotEqual(first, content(seed=2))
        self.assertNotEqual(first, content(seed=1, prompt="Кошка"))
        self.assertGreater(colours(first), 50)

    def test_weights_are_known_wherever_they_lie(self):
        file = self.train(trigger_phrase="ohwx")
        content = self.download(file)
        copy = self.store(content, "copy.safetensors", "application/octet-stream")
        plain = self.download(self.image(seed=1)["images"][0])
        for url in (file["url"], copy):
            answer = self.image(seed=1, loras=[{"path": url, "scale": 0.9}])
            self.assertNotEqual(plain, self.download(answer["images"][0]))
        other = self.store(content[:-1] + b"x", "other", "application/octet-stream")
        self.assertEqual(["loras", 1, "path", "value_error"],
                         self.refusal(FLUX, prompt="x", loras=[{"path": copy}, {"path": other}]))
        self.assertEqual(["loras", 0, "path", "file_download_error"],
                         self.refusal(FLUX, prompt="x", loras=[{"path": "https://cdn.invalid/w"}]))

    def test_signs_in_a_prompt(self):
        answer = self.image(prompt="sandbox nsfw", output_format="png")
        self.assertEqual([True], answer["has_nsfw_concepts"])
        self.assertEqual(1, colours(self.download(answer["images"][0])))
        answer = self.image(prompt="sandbox nsfw", enable_safety_checker=False)
        self.assertEqual([False], answer["has_nsfw_concepts"])
        self.assertEqual(["prompt", "content_policy_violation"], self.refusal(FLUX, prompt="a sandbox policy"))
        self.assertEqual(["prompt", "no_media_generated"], self.refusal(FLUX, prompt="sandbox nothing"))
        self.assertEqual(["finetune_id", "value_error"], self.refusal(
            "fal-ai/flux-pro/v1.1-ultra-finetuned", prompt="x", finetune_id="y", finetune_strength=1))

    def test_checks_look_at_pictures(self):
        def url(colour):
            return "data:image/png;base64," + base64.b64encode(png(60, 60, colour)).decode()

        answer = self.run_model("fal-ai/x-ailab/nsfw", image_urls=[url(MAGENTA), url(GREY)])
        self.assertEqual([True, False], answer["has_nsfw_concepts"])
        self.assertLess(0.9, self.run_model("fal-ai/imageutils/nsfw", image_url=url(MAGENTA))["nsfw_probability"])
        for colour, faces in ((GREY, 1), (CYAN, 0)):
            answer = self.run_model("fal-ai/moondream2/object-detection", image_url=url(colour), object="face")
            self.assertEqual((faces, 60), (len(answer["objects"]), answer["image"]["width"]))
        self.assertEqual(["image_url", "image_load_error"],
                         self.refusal("fal-ai/imageutils/nsfw", image_url="data:image/png;base64,AAAA"))


class StorageTest(FalCase):
    def test_a_file_comes_back(self):
        content = bytes(range(256)) * 10000
        self.assertEqual(content, self.download({"url": self.store(content), "content_type": "application/zip"}))

    def test_in_parts(self):
        _, _, answer = self.ask("POST", "/fal/storage/upload/initiate-multipart",
                                {"content_type": "application/zip", "file_name": "b.zip"})
        path, parts = self.local(answer["upload_url"]), []
        for number, content in ((1, b"a" * 100000), (2, b"b")):
            status, headers, part = self.ask("PUT", f"{path}/{number}", content, {}, "application/octet-stream")
            self.assertEqual((200, headers["ETag"]), (status, part["etag"]))
            parts.append({"partNumber": number, "etag": part["etag"]})
        wrong = {"parts": [{"partNumber": 1, "etag": "x"}]}
        self.assertEqual(400, self.ask("POST", path + "/complete", wrong, {})[0])
        self.assertEqual(200, self.ask("POST", path + "/complete", {"parts": parts}, {})[0])
        self.assertEqual(b"a" * 100000 + b"b",
                         self.download({"url": answer["file_url"], "content_type": "application/zip"}))

    def test_with_a_token(self):
        _, _, answer = self.ask("POST", "/fal/storage/auth/token?storage_type=fal-cdn-v3", {})
        self.assertEqual((self.stack.url + "/fal", "Bearer"), (answer["base_url"], answer["token_type"]))
        headers = {"Authorization": "Bearer " + answer["token"], "X-Fal-File-Name": "a b.png"}
        status, _, stored = self.ask("POST", "/fal/files/upload", b"content", headers, "image/png")
        self.assertEqual((200, True), (status, stored["access_url"].endswith("/a_b.png")))
        self.assertEqual(b"content", self.download({"url": stored["access_url"], "content_type": "image/png"}))
        self.assertEqual(401, self.ask("POST", "/fal/files/upload", b"x", {"Authorization": "Bearer x"})[0])
        self.advance(3601)
        self.assertEqual(401, self.ask("POST", "/fal/files/upload", b"x", headers)[0])

    def test_what_an_upload_must_be(self):
        self.assertEqual(401, self.ask("POST", "/fal/storage/upload/initiate", {"content_type": "x"}, {})[0])
        self.assertEqual(422, self.ask("POST", "/fal/storage/upload/initiate", {})[0])
        self.assertEqual(404, self.ask("PUT", "/fal/upload/none", b"x", {})[0])
        _, _, answer = self.ask("POST", "/fal/storage/upload/initiate", {"content_type": "a/b", "file_name": "../x y"})
        self.assertEqual("x_y", answer["file_url"].split("/")[-1].lstrip("._"))
        path = self.local(answer["upload_url"])
        self.assertEqual(403, self.ask("PUT", path, b"x", {}, "text/plain")[0])
        self.assertEqual(200, self.ask("PUT", path, b"x", {}, "a/b")[0])
        self.assertEqual(404, self.ask("PUT", path, b"x", {}, "a/b")[0])

    def test_a_file_may_expire(self):
        headers = KEY | {"X-Fal-Object-Lifecycle": '{"expiration_duration_seconds": 60}'}
        _, _, answer = self.ask("POST", "/fal/storage/upload/initiate", {"content_type": "a/b"}, headers)
        self.ask("PUT", self.local(answer["upload_url"]), b"x", {}, "a/b")
        self.assertEqual(200, self.fetch(self.local(answer["file_url"]))[0])
        self.advance(61)
        self.assertEqual(404, self.fetch(self.local(answer["file_url"]))[0])


class WebhookTest(FalCase):
    def setUp(self):
        super().setUp()
        self.hook = self.enterContext(Webhook())

    def start(self, **body):
        return self.submit(FLUX, self.hook.url + "/fal/secret", **({"prompt": "a"} | body))

    def good(self, delivery):
        return is_good(self.jwks(), delivery.headers, delivery.body)

    def take(self, status=200, is_signed=True):
        delivery = self.hook.take()
        self.assertEqual(is_signed, self.good(delivery))
        delivery.answer(status)
        return delivery

    def order(self, what, count=1):
        self.act("faults", fault="fal_webhook", what=what, count=count)

    def test_what_it_says(self):
        request = self.start()
        delivery = self.take()
        self.assertEqual("/fal/secret", delivery.path)
        self.assertEqual((request["request_id"], "OK", self.result(request)),
                         (delivery.update["request_id"], delivery.update["status"], delivery.update["payload"]))
        self.start(prompt=5)
        update = self.take().update
        self.assertEqual(("ERROR", "Invalid status code: 422", "string_type"),
                         (update["status"], update["error"], update["payload"]["detail"][0]["type"]))

    def test_it_is_repeated_until_it_is_taken(self):
        self.start()
        before = self.stack.newest_request()
        self.take(500)
        until(lambda: self.stack.requests("fal.webhook", before), "it is noted")
        self.advance(11)
        self.take(200)
        self.start()
        self.take(302)
        for _ in range(5):
            self.advance(3000)
        self.assertTrue(self.hook.is_quiet())

    def test_orders(self):
        before = self.stack.newest_request()
        self.order("lost")
        self.finish(self.start())
        self.order("doubled")
        first = self.start()
        self.assertEqual([first["request_id"]] * 2, [self.take().update["request_id"] for _ in range(2)])
        for what in ("forged", "unsigned", "stale"):
            self.order(what)
            self.start()
            self.take(is_signed=False)
            self.take()
        self.order("cut")
        self.start()
        self.take()
        until(lambda: len(self.stack.requests("fal.webhook", before)) == 9, "it is noted")
        self.advance(11)
        self.take()
        self.order("retried")
        request = self.start()
        update = self.take().update
        self.assertEqual(request["request_id"], update["gateway_request_id"])
        self.assertNotEqual(request["request_id"], update["request_id"])
        self.order("no_payload")
        request = self.start()
        update = self.take().update
        self.assertEqual(("OK", None, True), (update["status"], update["payload"], "payload_error" in update))
        self.result(request)
        self.order("reordered")
        first = self.start()
        self.finish(first)
        second = self.start()
        self.assertEqual([second["request_id"], first["request_id"]],
                         [self.take().update["request_id"] for _ in range(2)])

    def test_keys_change(self):
        old = self.jwks()
        self.act("fal/key")
        self.start()
        delivery = self.hook.take()
        self.assertTrue(self.good(delivery))
        self.assertFalse(is_good(old, delivery.headers, delivery.body))
        delivery.answer()
        self.assertIn(old["keys"][0]["x"], [key["x"] for key in self.jwks()["keys"]])
        self.act("fal/key", sudden=True)
        self.assertEqual(1, len(self.jwks()["keys"]))


class FaultTest(FalCase):
    def test_calls_fail_in_their_words(self):
        for error, status, members in (
                ("fal_locked", 403, {"detail"}), ("fal_rate_limit", 429, {"detail"}),
                ("fal_unavailable", 503, {"detail", "error_type"}), ("fal_timeout", 504, {"detail", "error_type"})):
            self.act("faults", method="fal.submit", error=error)
            got, _, answer = self.ask("POST", f"/fal/{FLUX}", {"prompt": "x"})
            self.assertEqual((status, members), (got, set(answer)))
        self.act("faults", method="fal.*", http=500)
        self.assertEqual(500, self.ask("GET", "/fal/.well-known/jwks.json")[0])
        self.act("faults", method="fal.submit", http=504, after=True)
        before = self.stack.newest_request()
        self.assertEqual(504, self.ask("POST", f"/fal/{FLUX}", {"prompt": "x"})[0])
        self.assertEqual("x", self.stack.requests("fal.submit", before)[0]["params"]["input"]["prompt"])
        until(lambda: any(event.get("status") == "COMPLETED" for event in
                          self.stack.api("/sandbox/events?after=0")["events"] if event["type"] == "fal"), "it ran")

    def test_a_run_may_fail(self):
        self.act("faults", fault="fal_run", error="face_detection_error", model=TRAINER)
        self.act("faults", fault="fal_run", error="runner_disconnected")
        request = self.submit(FLUX, prompt="x")
        self.assertEqual("runner_disconnected", self.finish(request)["error_type"])
        self.assertEqual("runner_disconnected", self.result(request, 503)["error_type"])
        self.assertEqual("true", self.last_headers["X-Fal-Retryable"])
        self.assertEqual("face_detection_error",
                         self.refusal(TRAINER, images_data_url=self.store(archive()))[-1])
        self.run_model(FLUX, prompt="x")

    def test_orders_are_checked(self):
        for body in ({"fault": "fal_webhook", "what": "x"}, {"fault": "fal_run", "error": "x"}, {"fault": "fal_run"},
                     {"method": "fal.submit", "error": "x"}):
            status, _, _ = self.ask("POST", "/sandbox/faults", body)
            self.assertEqual(400, status)
        for body in ({"x": 1}, {"training_ms": -1}, {"key": 5}, {"gone": [1]}):
            self.assertEqual(400, self.ask("POST", "/sandbox/fal", body)[0])

    def test_a_file_comes_in_part(self):
        file = self.run_model(FLUX, prompt="x")["images"][0]
        self.act("faults", method="fal.file", truncate=True)
        with self.assertRaises(Exception):
            self.download(file)
        self.download(file)


class HostileTest(FalCase):
    """What nobody should send; a seed says which of it. The sandbox must answer, and live."""

    def spoil(self, chance, content):
        content = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        return bytes(content[:chance.randint(1, len(content))] if chance.random() < 0.3 else content)

    def test_spoilt_archives_and_weights(self):
        weights = self.download(self.train())
        for seed in range(30 * ROUNDS):
            chance = random.Random(seed)
            name, content = chance.choice([("zip", archive(4)), ("weights", weights), ("png", png(100, 100))])
            url = self.store(self.spoil(chance, content))
            with self.subTest(seed=seed, name=name):
                if name == "zip":  # some bytes of it do not matter
                    self.finish(self.submit(TRAINER, images_data_url=url))
                elif name == "weights":
                    self.assertEqual("value_error", self.refusal(FLUX, prompt="x", loras=[{"path": url}])[-1])
                else:
                    self.finish(self.submit("fal-ai/imageutils/nsfw", image_url=url))

    def test_archives_that_lie(self):
        content = bytearray(archive(4, more=[("x.png", bytes(1 << 20))]))
        real = struct.pack("<I", 1 << 20)
        for lie in (100, 1 << 25, (1 << 32) - 1):
            said = bytes(content).replace(real, struct.pack("<I", lie))
            self.assertIn(self.refusal(TRAINER, images_data_url=self.store(said))[-1],
                          ("unsupported_archive_format", "file_too_large"))
        many = archive(4, more=[(f"{number}.txt", b"") for number in range(2001)])
        self.assertEqual("sequence_too_long", self.refusal(TRAINER, images_data_url=self.store(many))[-1])

    def test_odd_inputs(self):
        deep = b'{"prompt": "x", "loras": ' + b"[" * 60 + b"]" * 60 + b"}"
        for body in (deep, b'{"prompt": "x", "seed": 1e400}', b'{"prompt": "x", "seed": 99999999999999999999999}',
                     b'{"prompt": "\\ud83d\\ude00 \xd0\x96", "image_size": {"width": 3, "height": 5000}}',
                     b'{"prompt": "' + b"long " * 20000 + b'", "image_size": "square"}', b'{"prompt": ""}'):
            status, _, answer = self.ask("POST", f"/fal/{FLUX}", body)
            self.assertIn(status, (200, 400), body[:80])
            if status == 200:
                self.finish(answer)
        self.assertEqual(400, self.ask("POST", f"/fal/{FLUX}", b"[" * 100000)[0])
        self.assertEqual(400, self.ask("POST", f"/fal/{FLUX}", b'{"prompt": "\xff"}')[0])


class RestartTest(unittest.TestCase):
    def test_a_training_goes_on(self):
        with Stack(host=False) as stack, Webhook() as hook:
            case = FalCase()
            case.stack = stack
            case.settings(training_ms=3600_000, concurrency=1)
            request = case.submit(TRAINER, hook.url, images_data_url=case.store(archive()))
            waiting = case.submit(TRAINER, images_data_url="data:x;base64,AAAA")
            until(lambda: case.status(request)["status"] == "IN_PROGRESS", "it runs")
            keys = case.jwks()
            stack.api("/sandbox/openai", {"key": "sk-kept"})
            stack.sandbox.end()
            stack.check(stack.sandbox)
            os.remove(stack.path("sandbox.log"))
            stack.start_sandbox()
            request["status_url"] = stack.url + f"/fal/{TRAINER}/requests/{request['request_id']}/status"
            waiting["response_url"] = stack.url + f"/fal/{TRAINER}/requests/{waiting['request_id']}"
            waiting["status_url"] = waiting["response_url"] + "/status"
            until(lambda: case.status(request)["status"] == "IN_PROGRESS", "it goes on")
            self.assertEqual("sk-kept", stack.api("/sandbox/openai")["key"])
            stack.api("/sandbox/clock", {"advance_s": 3700})
            delivery = hook.take()
            delivery.answer()
            self.assertEqual("OK", delivery.update["status"])
            self.assertTrue(is_good(keys, delivery.headers, delivery.body))
            self.assertEqual("unsupported_archive_format", case.result(waiting, 422)["detail"][0]["type"])


if __name__ == "__main__":
    unittest.main()
