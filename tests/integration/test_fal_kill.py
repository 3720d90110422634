"""kill -9 at every step from the order to its end: nothing is submitted twice, no result is lost."""
import random
import time

from notes import note
from painter import PainterCase
from stack import ROUNDS, until

RUNS = 5 * ROUNDS  # 50 in `./dev test long`


class Killed(PainterCase):
    SETTINGS = {"image_unsure_s": 8, "training_unsure": "repeat", "training_unsure_minutes": 0}
    FAL = PainterCase.FAL | {"generation_ms": 300}

    def has_asked(self, method):
        return until(lambda: self.stack.requests(method, self.before), f"{method} is called", pause=0.005)

    def is_in(self, *states):
        until(lambda: self.stack.sql(f"SELECT state FROM provider_requests WHERE op_id = '{self.name}'") in
              [[(state,)] for state in states], f"it is {states}", pause=0.005)

    # Each waits for a point in the life of the request; what it has to order first is said by its faults.
    def at_the_order(self):
        pass

    def at_any_time(self):
        time.sleep(random.uniform(0, 1))  # any moment is as good as any other

    def in_an_upload(self):
        self.has_asked("fal.upload")

    def before_the_submit_is_taken(self):
        self.is_in("submitting")
        time.sleep(random.uniform(0, 0.3))

    def when_the_submit_is_not_answered(self):
        self.has_asked("fal.submit")

    def when_it_is_submitted(self):
        self.is_in("submitted", "queued", "running", "collecting", "succeeded")

    def at_a_status(self):
        self.has_asked("fal.status")

    def at_the_webhook(self):
        self.has_asked("fal.webhook")

    def while_collecting(self):
        self.is_in("collecting")

    def at_the_file(self):
        self.has_asked("fal.file")

    def at_the_end(self):
        self.is_in("succeeded")

    def when_it_is_told(self):
        until(lambda: self.ends(self.name), "it has ended", pause=0.005)

    POINTS = (
        (at_the_order, {}), (at_any_time, {}), (in_an_upload, {"method": "fal.upload", "delay_ms": 500}),
        (before_the_submit_is_taken, {"method": "fal.submit", "delay_ms": 300}),
        (when_the_submit_is_not_answered, {"method": "fal.submit", "delay_ms": 1500, "after": True}),
        (when_it_is_submitted, {}), (at_a_status, {"method": "fal.status", "delay_ms": 300}), (at_the_webhook, {}),
        (while_collecting, {"method": "fal.file", "delay_ms": 500}), (at_the_file, {}), (at_the_end, {}),
        (when_it_is_told, {}))

    def accepted(self):
        events = self.stack.api(f"/sandbox/events?after={self.revision}")["events"]
        return len([event for event in events if event["type"] == "fal" and event["status"] == "IN_QUEUE"])

    def run_once(self, point, fault):
        self.setUp()
        self.revision, self.name = self.stack.revision(), self.op()
        if fault:
            self.fault(**fault)
        (self.train if point is Killed.in_an_upload else self.draw)(op=self.name)
        point(self)
        self.stack.kill_host()
        self.stack.start_host()
        self.stack.api("/sandbox/clock", {"advance_s": 11})  # fal.ai calls again
        self.end(self.name, phase="succeeded")
        self.stack.wait_message(self.ann, f"end of {self.name}")
        self.assertEqual(1, self.accepted())
        self.assertEqual(1, len(self.ends(self.name)))

    def test_no_second_submit_and_no_lost_result(self):
        self.photos()
        chosen = [self.POINTS[number % len(self.POINTS)] for number in range(RUNS)]
        if ROUNDS == 1:
            chosen = random.sample(self.POINTS, RUNS)
        for point, fault in chosen:
            with self.subTest(point=point.__name__):
                self.run_once(point, fault)
        unsure = self.stack.sql("SELECT SUM(unsure) AS n FROM provider_requests")[0][0]
        note(f"killed {RUNS} times; of {unsure} submits nobody knew whether they were taken")
