"""fal.ai's trainers and generators, from the order to what the one who ordered is told."""
import hashlib
import json
import os
import unittest
import urllib.error
import urllib.request

from painter import OPERATOR, PainterCase, plugins_ini
from stack import Stack, until

CYAN = b"\0\xff\xff"


class Drawing(PainterCase):
    def test_a_drawing_is_drawn_and_told_once(self):
        op, _ = self.draw(aspect="3:4", count=2, seed=7, negative="dogs", prompt="a cat in a hat")
        end = self.end(op, phase="succeeded", model="fal-ai/flux/dev")
        seed, negative, first, second = end["result"].split()
        self.assertEqual(("seed=7", "no-negative"), (seed, negative))
        self.assertEqual(f"/painter/pictures/{op}-1.jpg:880x1184:image/jpeg", first)
        self.assertEqual(f"/painter/pictures/{op}-2.jpg:880x1184:image/jpeg", second)
        self.assertEqual(b"\xff\xd8", self.blob(f"/painter/pictures/{op}-2.jpg")[:2])
        self.stack.wait_message(self.ann, f"end of {op}")
        [(_, asked)] = self.submits()
        self.assertEqual(("a cat in a hat", 2, 7, {"width": 880, "height": 1184}),
                         (asked["prompt"], asked["num_images"], asked["seed"], asked["image_size"]))

    def test_a_large_seed_keeps_its_digits(self):
        op, _ = self.draw(seed=196619188014358661)
        self.assertEqual("seed=196619188014358661", self.end(op, phase="succeeded")["result"].split()[0])

    def test_an_order_is_taken_once(self):
        op, known = self.draw()
        self.assertEqual(f"known {known}", self.say(f"/draw op={op}", "known"))
        self.end(op, phase="succeeded")
        self.assertEqual(1, len(self.submits()))

    def test_orders_that_cannot_be_right(self):
        for words in ("count=5", "aspect=1:9", "aspect=x", "width=100 height=100", "width=512", "seed=-1", "lora=x",
                      "guidance=99"):
            self.say(f"/draw op=bad {words}", "refused")
        for words in ("photos=0", "photos=1 trigger=a/b"):
            self.say(f"/train op=bad {words}", "refused")
        self.assertEqual([], self.stack.sql("SELECT op_id FROM painter_orders WHERE op_id = 'bad'"))
        self.say("/look 00000000-0000-0000-0000-000000000000", "nothing")
        self.say("/stop 00000000-0000-0000-0000-000000000000", "nothing")

    def test_what_is_flagged_is_not_kept(self):
        op, _ = self.draw(prompt="sandbox nsfw")
        self.end(op, phase="failed", cause=1, is_theirs=1, is_submitted=1)
        self.assertFalse(os.path.exists(self.stack.path(f"files/painter/pictures/{op}-1.jpg")))

    def test_errors_become_causes(self):
        for error, cause, theirs in (("content_policy_violation", 1, 1), ("image_load_error", 3, 1),
                                     ("internal_server_error", 5, 0), ("runner_disconnected", 5, 0),
                                     ("value_error", 4, 0)):
            with self.subTest(error=error):
                self.fault(fault="fal_run", error=error)
                op, _ = self.draw()
                self.end(op, phase="failed", cause=cause, is_theirs=theirs, is_submitted=1)

    def test_the_next_model_is_used_when_one_is_gone(self):
        self.fal(gone=["fal-ai/flux/dev"])
        op, _ = self.draw()
        self.end(op, phase="succeeded", model="fal-ai/flux-lora")
        self.assertEqual("warning", self.health("models")[0])
        self.assertIn("fal-ai/flux/dev", self.health("models")[1])
        second, _ = self.draw()
        self.end(second, phase="succeeded", model="fal-ai/flux-lora")
        self.assertEqual(["fal-ai/flux/dev", "fal-ai/flux-lora", "fal-ai/flux-lora"],
                         [model for model, _ in self.submits()])
        self.stack.sql("DELETE FROM fal_facts WHERE name LIKE 'gone:%'")

    def test_an_account_without_funds_is_the_operators_matter(self):
        self.stack.send(OPERATOR, "/start")
        self.stack.wait_message(OPERATOR)
        for _ in range(2):
            self.fault(method="fal.submit", error="fal_locked")
            op, _ = self.draw()
            self.end(op, phase="failed", cause=6, is_theirs=0, is_submitted=0)
        self.stack.wait_message(OPERATOR, "fal: the account at fal.ai is out of funds")
        told = [m for m in self.stack.bot_messages(OPERATOR) if "out of funds" in m["text"]]
        self.assertEqual(1, len(told), "once an hour is enough")
        self.assertEqual("failed", self.health("account")[0])
        op, _ = self.draw()
        self.end(op, phase="succeeded")
        self.assertEqual("ok", self.health("account")[0])

    def test_the_key_is_checked(self):
        self.assertEqual("ok", self.health("key")[0])
        self.fal(key="another")
        state, line = self.health("key")
        self.assertEqual("failed", state)
        self.assertIn("refuses the key", line)
        self.assertNotIn("sandbox", line)
        op, _ = self.draw()
        self.end(op, phase="failed", cause=4, is_submitted=0)


class Training(PainterCase):
    def test_photos_become_weights_that_draw(self):
        self.photos()
        op, _ = self.train(trigger="TOK_3f2a9c01", quality=1)
        weights, digest, size, family, trigger, steps = self.end(op, phase="succeeded")["result"].split()
        content = self.blob(weights)
        self.assertEqual((hashlib.sha256(content).hexdigest(), len(content)), (digest, int(size)))
        self.assertEqual(("flux-1", "TOK_3f2a9c01", "4000"), (family, trigger, steps))  # T-3
        [(model, asked)] = self.submits()
        self.assertEqual("fal-ai/flux-lora-portrait-trainer", model)  # T-12
        self.assertEqual(("TOK_3f2a9c01", 4000, True, 0.00005),
                         (asked["trigger_phrase"], asked["steps"], asked["create_masks"], asked["learning_rate"]))
        drawing, _ = self.draw(lora=weights, prompt="TOK_3f2a9c01 in Rome")
        self.end(drawing, phase="succeeded", model="fal-ai/flux-lora")
        # What the provider has forgotten is put there again, from our own copy: T-14
        self.stack.sql("DELETE FROM fal_uploads")
        drawing, _ = self.draw(lora=weights)
        self.end(drawing, phase="succeeded")
        # When it has forgotten them before their time, one order fails, and the next one does not.
        self.stack.sql("UPDATE fal_uploads SET url = replace(url, '/files/', '/files/0')")
        for phase, cause in (("failed", 5), ("succeeded", 0)):
            drawing, _ = self.draw(lora=weights)
            self.end(drawing, phase=phase, cause=cause)

    def test_a_style_is_another_training(self):
        self.photos(colour=CYAN)
        op, _ = self.train(style=1)
        self.end(op, phase="succeeded", model="fal-ai/flux-lora-fast-training")
        [(_, asked)] = self.submits()
        self.assertEqual((True, False, 1000), (asked["is_style"], asked["create_masks"], asked["steps"]))

    def test_photos_without_a_face(self):
        self.photos(colour=CYAN)
        op, _ = self.train()
        self.end(op, phase="failed", cause=2, is_theirs=1)

    def test_a_photo_that_is_no_picture_is_not_even_sent(self):
        self.photos(content=b"MZ")
        op, _ = self.train()
        self.end(op, phase="failed", cause=3, is_theirs=1, is_submitted=0)
        self.assertEqual([], self.submits())

    def test_a_photo_that_is_gone(self):
        op, _ = self.train(photos=19)
        self.end(op, phase="failed", cause=4, is_submitted=0)

    def test_the_first_place_in_the_queue_is_told(self):
        self.fal(concurrency=0)
        op, _ = self.draw()
        rows = f"SELECT phase, ahead FROM painter_progress WHERE op_id = '{op}'"
        until(lambda: ("queued", 0) in self.stack.sql(rows), "it is told", timeout=10)

    def test_progress_is_told(self):
        self.photos()
        self.fal(training_ms=4000)
        op, _ = self.train()
        self.end(op, phase="succeeded")
        rows = self.stack.sql(f"SELECT phase, percent, line FROM painter_progress WHERE op_id = '{op}'")
        percents = [row[1] for row in rows]
        self.assertTrue(any(0 < percent < 100 for percent in percents), rows)
        self.assertEqual(percents, sorted(percents))
        self.assertTrue(any("/1000" in row[2] for row in rows), rows)

    def test_a_large_archive_goes_in_pieces(self):
        # 5 pictures with 20 MB behind their ends: still pictures, and over 90 MB together.
        path = self.stack.path("photo")
        self.photos()
        for number in range(1, 6):
            with open(path, "ab") as file:
                file.truncate(20 << 20)
            self.say(f"/store path={path} key=photo-{number}", f"stored photo-{number}")
        op, _ = self.train()
        self.end(op)
        self.assertEqual(11 + 1, len(self.stack.requests("fal.upload", self.before)))  # and the end


class Cancelling(PainterCase):
    FAL = PainterCase.FAL | {"generation_ms": 3600_000}

    def test_what_runs_is_stopped_there(self):  # T-8, T-9
        op, name = self.draw()
        self.wait_state(op, "running")
        self.say(f"/look {name}", f"{op} running")
        self.say(f"/stop {name}", "asked")
        self.end(op, phase="cancelled", is_submitted=1)
        self.assertEqual(1, len(self.stack.requests("fal.cancel", self.before)))
        self.say(f"/stop {name}", "asked")  # and again changes nothing
        self.say(f"/look {name}", f"{op} cancelled")

    def test_what_is_being_sent_is_stopped_once_it_is_there(self):
        self.fault(method="fal.submit", delay_ms=1500)
        op, name = self.draw()
        self.wait_state(op, "submitting")
        self.say(f"/stop {name}", "asked")
        self.end(op, phase="cancelled", is_submitted=1)
        self.assertEqual((1, 0), self.row(op, "submits, unsure"))
        self.assertEqual(1, len(self.stack.requests("fal.cancel", self.before)))

    def test_what_is_declined_while_it_is_stopped_ends_at_once(self):
        self.fault(method="fal.submit", delay_ms=1500, http=429, retry_after=600)
        op, name = self.draw()
        self.wait_state(op, "submitting")
        self.say(f"/stop {name}", "asked")
        self.end(op, phase="cancelled", is_submitted=0)

    def test_what_waits_was_never_sent(self):
        first, _ = self.draw()
        second, _ = self.draw()
        for op in (first, second):
            self.wait_state(op, "running")
        third, name = self.draw()
        until(lambda: self.row(third, "model, ahead") == ("fal-ai/flux/dev", 0), "it stands in line")
        self.say(f"/stop {name}", "asked")
        self.end(third, phase="cancelled", is_submitted=0)
        self.assertEqual(2, len(self.submits()))


class Keys(unittest.TestCase):
    def ready(self, stack):
        """(status of GET /readyz, what it says of the key)."""
        try:
            with urllib.request.urlopen(f"http://{stack.listen}/readyz") as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        self.assertNotIn(b"secret", body)
        [check] = [check for check in json.loads(body)["checks"] if check["name"] == "fal/key"]
        return status, check

    def test_a_key_is_good_or_refused(self):
        for key, status, is_good in (("secret", 200, True), ("secret-wrong", 503, False)):
            with self.subTest(key=key), Stack(plugins_ini=plugins_ini(), env={"FAL_KEY": key}, host=False) as stack:
                stack.api("/sandbox/fal", {"key": "secret"})
                self.assertEqual(0 if is_good else 1, stack.run_host("check")[0])
                stack.start_host()
                got, check = self.ready(stack)
                self.assertEqual((status, is_good), (got, check["status"] == "ok"), check)

    def test_without_a_key_the_rest_works(self):
        with Stack(plugins_ini=plugins_ini(), env={"FAL_KEY": ""}) as stack:
            self.assertEqual(200, self.ready(stack)[0])
            self.assertIn("there is no key", stack.run_host("check")[1])


if __name__ == "__main__":
    unittest.main()
