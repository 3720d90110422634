"""What goes wrong between us and fal.ai: each order still ends once, as it should, and is paid for once."""
import time
import unittest

from fal_hooks import Caller, Signer, done, failed
from painter import PainterCase
from stack import until

# What we say to each of them.
WEBHOOKS = {"doubled": [204, 204], "forged": [401, 204], "unsigned": [401, 204], "stale": [401, 204], "cut": [204, 204]}


class FaultCase(PainterCase):
    def setUp(self):
        super().setUp()
        self.revision = self.stack.revision()

    def accepted(self):
        """How many requests fal.ai has taken since the beginning of the test."""
        events = self.stack.api(f"/sandbox/events?after={self.revision}")["events"]
        return len([event for event in events if event["type"] == "fal" and event["status"] == "IN_QUEUE"])

    def draws(self, count=1):
        """So many drawings that succeed, by one submit each."""
        ops = [self.draw()[0] for _ in range(count)]
        for op in ops:
            self.end(op, phase="succeeded")
        self.assertEqual(count, self.accepted())
        return ops

    def faults(self, orders, **more):
        for order in orders:
            self.fault(**order, **more)

    def forget_keys(self):
        self.stack.sql("UPDATE fal_facts SET number = number - 100, noted_at = noted_at - 100"
                       " WHERE name LIKE 'jwks%'")

    def webhook_statuses(self):
        return [request["status"] for request in self.stack.requests("fal.webhook", self.before)]


class Calls(FaultCase):
    SETTINGS = {"image_unsure_s": 3, "training_unsure_minutes": 0, "images_at_once": 10}

    def test_a_submit_that_is_not_taken_is_made_again(self):
        self.faults([{"error": "fal_rate_limit"}, {"error": "fal_unavailable"}, {"http": 503, "html": True}],
                    method="fal.submit")
        for op in self.draws(3):
            self.assertEqual(0, self.row(op, "unsure"))

    def test_a_submit_whose_answer_is_lost_is_not_made_again(self):
        self.faults([{"http": 504}, {"http": 500}, {"drop": True}, {"truncate": True}, {"reset": True}],
                    method="fal.submit", after=True)
        for op in self.draws(5):
            self.assertEqual((1, 1), self.row(op, "submits, unsure"))

    def test_a_submit_that_nobody_knows_about_is_repeated_when_that_is_the_policy(self):
        before = self.fact("unsure"), self.fact("unsure_cents")
        self.fault(method="fal.submit", drop=True)
        [op] = self.draws()
        self.assertEqual((2, 1), self.row(op, "submits, unsure"))
        self.assertEqual((before[0] + 1, before[1] + 4), (self.fact("unsure"), self.fact("unsure_cents")))
        self.assertIn("nobody knew about", self.health("account")[1])

    def test_or_fails_when_that_is(self):  # T-7
        self.photos()
        self.fault(method="fal.submit", drop=True)
        op, _ = self.train()
        self.end(op, phase="failed", cause=7, is_theirs=0, is_submitted=1)
        self.assertEqual(0, self.accepted())

    def test_other_calls_are_made_again(self):
        for method in ("fal.status", "fal.result", "fal.file"):
            with self.subTest(method=method):
                self.setUp()
                self.fault(fault="fal_webhook", what="lost", count=4)
                self.faults([{"http": 500}, {"drop": True}, {"truncate": True}, {"http": 404}], method=method)
                self.draws(4)

    def test_a_slow_result_is_waited_for(self):
        self.fault(fault="fal_webhook", what="lost")
        self.fault(method="fal.result", bytes_per_second=200)
        self.draws()
        self.assertEqual(1, len(self.stack.requests("fal.result", self.before)))

    def test_uploads_are_made_again(self):
        self.photos()
        self.faults([{"method": "fal.initiate"}, {"method": "fal.upload"}], http=500)
        ops = [self.train()[0] for _ in range(2)]
        for op in ops:
            self.end(op, phase="succeeded")

    def test_completed_with_an_error_is_a_failure(self):  # T-1
        self.photos()
        self.fault(fault="fal_webhook", what="lost")
        self.fault(fault="fal_run", error="face_detection_error")
        op, _ = self.train()
        self.end(op, phase="failed", cause=2, is_theirs=1, is_submitted=1)

    def test_and_is_told_as_what_it_is_when_it_can_be_asked(self):
        self.fault(fault="fal_webhook", what="lost")
        self.fault(fault="fal_run", error="content_policy_violation")
        self.fault(method="fal.result", http=503, html=True)
        op, _ = self.draw()
        self.end(op, phase="failed", cause=1, is_theirs=1, is_submitted=1)

    def test_a_result_waits_for_a_key_that_is_good(self):
        self.fault(fault="fal_webhook", what="lost")
        self.fault(method="fal.result", http=401)
        op, _ = self.draw()
        until(lambda: self.row(op, "pauses") == 1, "it waits")
        self.assertEqual([], self.ends(op))

    def test_what_takes_too_long_is_given_up(self):  # T-5
        self.fal(generation_ms=3600_000)
        op, _ = self.draw()
        self.wait_state(op, "running")
        self.stack.sql(f"UPDATE provider_requests SET deadline_at = 1 WHERE op_id = '{op}'")
        self.end(op, phase="expired", is_submitted=1)
        self.assertEqual(1, len(self.stack.requests("fal.cancel", self.before)))


    def test_what_may_be_done_is_not_given_up_at_its_deadline(self):
        self.fault(fault="fal_webhook", what="lost")
        self.faults([{"http": 503}, {"drop": True}], method="fal.status")
        op, _ = self.draw()
        until(lambda: self.row(op, "pauses") > 0, "it is asked again")
        self.stack.sql(f"UPDATE provider_requests SET deadline_at = {int(time.time())} WHERE op_id = '{op}'")
        self.end(op, phase="succeeded")


class ByWebhook(FaultCase):
    """The poller is as good as off."""
    SETTINGS = {"image_poll_s": 3600, "image_unsure_s": 3600}
    FAL = FaultCase.FAL | {"generation_ms": 400}

    def test_webhooks_of_all_kinds(self):  # T-6
        for what, fault in (("doubled", None), ("reordered", None), ("cut", None), ("forged", "wrong"),
                            ("unsigned", "missing"), ("stale", "old")):
            with self.subTest(what=what):
                self.setUp()
                before = fault and self.fact("refused:" + fault)
                self.fault(fault="fal_webhook", what=what)
                self.draws()
                sent = WEBHOOKS.get(what, [204])
                until(lambda: len(self.webhook_statuses()) >= len(sent), "all have arrived")
                self.assertEqual(sent, self.webhook_statuses())
                if fault:
                    self.assertEqual(before + 1, self.fact("refused:" + fault))

    def test_keys_change(self):
        self.draws()
        for sudden in (False, True):
            self.setUp()
            self.stack.api("/sandbox/fal/key", {"sudden": sudden})
            self.forget_keys()
            self.draws()
            self.assertEqual([204], self.webhook_statuses())

    def test_the_keys_cannot_be_fetched(self):
        self.draws()
        self.setUp()
        self.forget_keys()
        self.fault(method="fal.jwks", http=500)
        self.draws()  # they are known
        self.setUp()
        self.fault(method="fal.jwks", http=500)
        self.stack.api("/sandbox/fal/key", {"sudden": True})
        self.forget_keys()
        op, _ = self.draw()
        until(lambda: self.webhook_statuses() == [503], "it is asked to come again")
        self.stack.api("/sandbox/faults", method="DELETE")
        self.forget_keys()
        self.stack.api("/sandbox/clock", {"advance_s": 11})
        self.end(op, phase="succeeded")

    def test_a_webhook_to_another_address_is_refused(self):
        self.fal(generation_ms=3600_000)
        signer, caller = Signer(), Caller(self.stack)
        signer.plant(self.stack)
        (one, one_id), (two, two_id) = self.draw(), self.draw()
        for op in (one, two):
            self.wait_state(op, "running")
        body = failed(self.row(one, "request_id"))
        headers = signer.headers(body)
        self.assertEqual(409, caller.post(two_id, body, headers))
        self.assertEqual(404, caller.post("unknown", body, headers))
        self.assertEqual(204, caller.post(one_id, body, headers))
        self.assertEqual(204, caller.post(one_id, body, headers))  # it is known
        self.assertEqual(204, caller.post(one_id, done(self.row(one, "request_id"), "x"),
                                          signer.headers(done(self.row(one, "request_id"), "x"))))
        self.end(one, phase="failed", cause=1)
        # Of one whose own id is not known yet, another's is not accepted either.
        self.stack.sql(f"UPDATE provider_requests SET request_id = '' WHERE op_id = '{two}'")
        self.assertEqual(409, caller.post(two_id, body, headers))
        self.assertEqual("running", self.row(two, "state"))
        for odd in (b"{}", b"not json", b'{"request_id":"x","status":"TRAINING"}', b'{"request_id":"x\0y"}'):
            self.assertEqual(400, caller.post(two_id, odd, signer.headers(odd)))
        self.assertEqual(413, caller.post(two_id, b"x" * (2 << 20), signer.headers(b"x")))
        self.stack.sql("DELETE FROM fal_facts WHERE name = 'jwks'")


class Fairness(FaultCase):
    SETTINGS = {"images_at_once": 1}
    FAL = FaultCase.FAL | {"generation_ms": 800}

    def test_who_has_nothing_running_comes_first(self):
        boris = self.stack.user("Boris")
        first, _ = self.draw(prompt="ann")
        until(self.submits, "the first runs")
        ops = [first, *(self.draw(prompt="ann")[0] for _ in range(2)), self.draw(boris, prompt="boris")[0]]
        for op in ops:
            self.end(op, phase="succeeded")
        self.assertEqual(["ann", "boris", "ann", "ann"], [asked["prompt"] for _, asked in self.submits()])


if __name__ == "__main__":
    unittest.main()
