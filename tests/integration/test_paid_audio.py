"""What a transcription costs, and that nobody pays for what they did not get: audio with credits switched on."""
import io
import re
import time
import unittest
import wave

from stack import Stack, until

HUNDREDTHS = 100


def recording(seconds):
    """A WAV file of noise that is no speech, which the sandbox's provider does not mind."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(4000)
        out.writeframes(bytes(i * 37 % 251 for i in range(4000)) * seconds)
    return file.getvalue()


class MoneyStack(Stack):
    def person(self, credits=0, **more):
        """Somebody whom the bot knows, with so many credits."""
        user = self.user("Ann", **more)
        self.send(user, "/balance")
        self.wait_message(user, "")
        if credits:
            key, amount = self.key_of(user), credits * HUNDREDTHS
            self.sql("INSERT INTO user_balances (user_id, balance, held, entries, updated_at, given) VALUES "
                     f"('{key}', {amount}, 0, 1, 0, {amount})")
            self.sql("INSERT INTO transactions VALUES "
                     f"('{key}', 1, 'grant:test', 'grant', 'gifts', 'user', {amount}, {amount}, 'test', 0)")
        return user

    def key_of(self, user):
        return self.sql(f"SELECT id FROM users WHERE telegram_id = {user}")[0][0]

    def account(self, user):
        """What they have and what is held, in credits."""
        rows = self.sql(f"SELECT balance, held FROM user_balances WHERE user_id = '{self.key_of(user)}'")
        return tuple(int(n) / HUNDREDTHS for n in rows[0]) if rows else (0, 0)

    def wait_account(self, user, *wanted):
        until(lambda: self.account(user) == wanted, f"the account is {wanted}, not {self.account(user)}")

    def entries(self, user):
        rows = self.sql(f"SELECT type, amount FROM transactions WHERE user_id = '{self.key_of(user)}' ORDER BY n")
        return [(kind, int(amount) / HUNDREDTHS) for kind, amount in rows]

    def offered(self, user, message, wanted="costs"):
        return self.wait_message(user, wanted, after=message["message_id"])

    def pay(self, user, content, duration, **query):
        """Sends the recording and accepts the offer; the bot's message."""
        offer = self.offered(user, self.upload(user, content, duration=duration, **query))
        self.press_text(user, offer, "Transcribe")
        return offer

    def shown(self, user, message, wanted):
        """That message once it shows this."""
        return self.wait_message(user, lambda m: m["message_id"] == message["message_id"] and wanted in m["text"])


class PaidAudio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.short, cls.long = recording(3), recording(130)
        cls.stack = MoneyStack()
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def test_the_first_minute_is_free(self):
        ann = self.stack.person()
        self.stack.upload(ann, self.short)
        self.stack.wait_message(ann, "heard")
        self.assertEqual(self.stack.account(ann), (0, 0))

    def test_the_price_is_shown_held_and_taken_when_the_text_is_there(self):
        ann = self.stack.person(credits=50)
        self.stack.fault("transcription", delay_ms=1500)
        voice = self.stack.upload(ann, self.long, duration=130)
        offer = self.stack.offered(ann, voice)
        self.assertIn("2:10 long. Its text costs 20 credits; you have 50 credits", offer["text"])
        self.assertEqual(offer["reply_to_message"]["message_id"], voice["message_id"])
        self.assertEqual(self.stack.account(ann), (50, 0))
        self.stack.press_text(ann, offer, "Transcribe for 20 credits")
        self.stack.wait_account(ann, 30, 20)
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 30, 0)
        self.assertEqual(self.stack.entries(ann), [("grant", 50), ("hold", 20), ("capture", 20)])

    def test_M4_a_double_tap_is_one_charge(self):
        ann = self.stack.person(credits=100)
        offer = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=130))
        for _ in range(5):
            self.stack.press_text(ann, offer, "Transcribe")
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 80, 0)
        self.assertEqual(len([e for e in self.stack.entries(ann) if e[0] == "capture"]), 1)

    def test_M3_M5_an_outage_gives_all_of_it_back_once(self):
        ann = self.stack.person(credits=50)
        self.stack.fault("transcription", count=20, http=500)
        offer = self.stack.pay(ann, self.long, 130)
        self.stack.shown(ann, offer, "Nothing was charged")
        self.stack.wait_account(ann, 50, 0)
        self.assertEqual(self.stack.entries(ann), [("grant", 50), ("hold", 20), ("release", 20)])
        self.stack.api("/sandbox/faults", method="DELETE")

    def test_M6_only_what_was_delivered_is_charged(self):
        ann = self.stack.person(credits=50)
        offer = self.stack.pay(ann, self.long, 290)  # says Telegram; it is 130 s
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 30, 0)
        self.assertEqual(self.stack.entries(ann)[1:], [("hold", 40), ("capture", 20), ("release", 20)])

    def test_M7_what_turns_out_to_be_longer_is_offered_before_it_is_transcribed(self):
        ann = self.stack.person(credits=50)
        before = self.stack.newest_request()
        offer = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=5))
        self.assertIn("costs 20 credits", offer["text"])
        self.stack.press_text(ann, offer, "No, thanks")
        self.stack.shown(ann, offer, "Nothing was charged")
        file = self.stack.upload(ann, self.long, "document", file_name="a.wav", mime="audio/x-wav")
        offer = self.stack.offered(ann, file)
        self.assertEqual(self.stack.requests("transcription", after=before), [])
        self.stack.press_text(ann, offer, "Transcribe")
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 30, 0)
        offer = self.stack.pay(ann, self.long, 65)  # 10 are held, 20 are needed
        self.stack.shown(ann, offer, "costs 20 credits; you have")
        self.stack.wait_account(ann, 30, 0)

    def test_a_job_that_is_replayed_is_offered_again(self):
        ann = self.stack.person(credits=50)
        self.stack.fault("transcription", count=20, http=500)
        offer = self.stack.pay(ann, self.long, 130)
        self.stack.shown(ann, offer, "Nothing was charged")
        self.stack.wait_account(ann, 50, 0)
        self.stack.api("/sandbox/faults", method="DELETE")
        job = self.stack.sql(f"SELECT job_id FROM holds WHERE user_id = '{self.stack.key_of(ann)}'")[0][0]
        until(lambda: self.stack.sql(f"SELECT 1 FROM jobs WHERE id = '{job}' AND state <> 'running'"), "it has ended")
        self.stack.sql(f"UPDATE jobs SET state = 'dead' WHERE id = '{job}'")  # as if it had failed
        before = self.stack.newest_request()
        status, out = self.stack.run_host("dead-letters", "replay", job)
        self.assertEqual(status, 0, out)
        again = self.stack.shown(ann, offer, "costs 20 credits")
        self.assertEqual(self.stack.account(ann), (50, 0))
        self.assertEqual(self.stack.requests("transcription", after=before), [])
        self.stack.press_text(ann, again, "Transcribe")
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 30, 0)

    def test_nothing_said_is_not_charged(self):
        ann = self.stack.person(credits=50)
        self.stack.transcription(" ")
        offer = self.stack.pay(ann, self.long, 130)
        self.stack.shown(ann, offer, "Nothing was charged")
        self.stack.wait_account(ann, 50, 0)

    def test_a_price_that_rises_after_the_payment_is_not_asked_for(self):
        ann = self.stack.person(credits=50)
        self.stack.fault("getFile", delay_ms=1500)
        offer = self.stack.pay(ann, self.long, 130)
        self.stack.wait_account(ann, 30, 20)
        self.stack.sql(f"INSERT INTO tariff_overrides VALUES ('{self.stack.key_of(ann)}', 'audio', 9900, 0)")
        self.stack.shown(ann, offer, "heard")
        self.stack.wait_account(ann, 30, 0)

    def test_cancelling_gives_it_back(self):
        ann = self.stack.person(credits=50)
        self.stack.fault("transcription", delay_ms=60000)
        offer = self.stack.pay(ann, self.long, 130)
        message = self.stack.shown(ann, offer, "Listening")
        self.stack.faults_met()
        self.stack.press_text(ann, message, "Cancel")
        self.stack.shown(ann, offer, "Nothing was charged")
        self.stack.wait_account(ann, 50, 0)

    def test_who_has_too_little_reads_how_much_is_missing(self):
        ann = self.stack.person(credits=5)
        offer = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=130), "15 credits short")
        self.assertRaises(AssertionError, self.stack.press_text, ann, offer, "Transcribe")
        self.assertEqual(self.stack.account(ann), (5, 0))

    def test_an_offer_that_cannot_be_met_any_more_says_so(self):
        ann = self.stack.person(credits=25)
        first = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=130))
        second = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=130), "costs")
        second = self.stack.wait_message(ann, "costs", after=first["message_id"])
        self.stack.press_text(ann, first, "Transcribe")
        self.stack.shown(ann, first, "heard")
        self.stack.wait_account(ann, 5, 0)
        self.stack.press_text(ann, second, "Transcribe")
        self.stack.shown(ann, second, "15 credits short")
        self.assertEqual(self.stack.account(ann), (5, 0))

    def test_in_russian(self):
        ann = self.stack.person(credits=21, language_code="ru")
        offer = self.stack.offered(ann, self.stack.upload(ann, self.long, duration=130), "стоит")
        self.assertIn("Запись длится 2:10. Её текст стоит 20 кредитов, у вас 21 кредит.", offer["text"])


class Interrupted(unittest.TestCase):
    def test_M10_M11_killed_at_any_moment_it_is_charged_once_for_one_text(self):
        content = recording(61)
        with MoneyStack() as stack:
            for pause in range(6):
                ann = stack.person(credits=50)
                stack.fault("transcription", delay_ms=300)
                offer = stack.offered(ann, stack.upload(ann, content, duration=130))
                stack.press_text(ann, offer, "Transcribe")
                time.sleep(0.15 * pause)
                stack.kill_host()
                stack.start_host()
                stack.shown(ann, offer, "heard")
                stack.wait_account(ann, 50, 0)  # of 61 s one is rounded away
                self.assertEqual(stack.entries(ann), [("grant", 50), ("hold", 20), ("release", 20)])

    def test_an_offer_that_was_on_its_way_when_the_host_died_comes(self):
        with MoneyStack() as stack:
            ann = stack.person(credits=50)
            stack.fault("sendMessage", delay_ms=60000)
            voice = stack.upload(ann, recording(3), duration=130)
            stack.faults_met()
            stack.kill_host()
            stack.api("/sandbox/faults", method="DELETE")
            stack.start_host()
            offer = stack.offered(ann, voice)
            self.assertEqual(offer["reply_to_message"]["message_id"], voice["message_id"])
            stack.press_text(ann, offer, "Transcribe")
            stack.shown(ann, offer, "heard")

    def test_an_offer_whose_job_runs_again_leaves_what_came_of_it(self):
        """As after an outage of the database when the offer had been sent."""
        with MoneyStack() as stack:
            ann = stack.person(credits=50)
            offer = stack.offered(ann, stack.upload(ann, recording(3), duration=130))
            states = "SELECT state FROM jobs WHERE plugin = 'audio' ORDER BY kind"
            again = "UPDATE jobs SET state = 'waiting', attempt = 0, run_at = 0 WHERE kind = 'offer'"
            until(lambda: stack.sql(states) == [("done",)], "it has been offered")
            stack.sql(again)
            until(lambda: stack.sql(states) == [("done",)], "it has been offered again")
            stack.press_text(ann, offer, "Transcribe")
            stack.shown(ann, offer, "heard")
            until(lambda: stack.sql(states) == [("done",), ("done",)], "it has been delivered")
            before = stack.newest_request()
            stack.sql(again)
            until(lambda: stack.sql(states) == [("done",), ("done",)], "the offer has run again")
            self.assertEqual([r for r in stack.requests(after=before) if r["method"] != "getUpdates"], [])
            self.assertEqual(stack.sql("SELECT COUNT(*) AS n FROM holds"), [(1,)])
            stack.wait_account(ann, 50, 0)  # it was shorter than Telegram said

    def test_a_database_that_is_away_when_the_offer_was_sent_costs_no_attempt(self):
        with MoneyStack(stores="servers") as stack:
            ann = stack.person(credits=50)
            stack.fault("sendMessage", delay_ms=2000)
            voice = stack.upload(ann, recording(3), duration=130)
            stack.faults_met()
            stack.postgres.stop()
            first = stack.offered(ann, voice)
            stack.postgres.start()
            stack.offered(ann, first)  # nobody knew of the first one
            self.assertNotIn(b"kind=offer attempt", stack.host.output())

    def test_M5_what_is_cancelled_before_its_job_has_ended_is_not_charged(self):
        with MoneyStack(stores="embedded") as stack:
            ann = stack.person(credits=50)
            stack.sql("CREATE TRIGGER no_end BEFORE UPDATE ON jobs WHEN new.kind = 'transcribe' AND new.state = 'done'"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END")
            offer = stack.pay(ann, recording(130), 130)
            stack.shown(ann, offer, "heard")
            until(lambda: b"not now" in stack.host.output(), "it tries to end")
            stack.send(ann, "/cancel")
            stack.shown(ann, offer, "Nothing was charged")
            stack.wait_account(ann, 50, 0)
            self.assertEqual(stack.entries(ann), [("grant", 50), ("hold", 20), ("release", 20)])

    def test_what_was_held_when_credits_were_switched_off_comes_back(self):
        with MoneyStack() as stack:
            with open(stack.path("etc/plugins.ini"), encoding="utf-8") as file:
                ini = file.read()
            ann = stack.person(credits=50)
            stack.fault("getFile", delay_ms=60000)
            offer = stack.pay(ann, recording(130), 130)
            stack.wait_account(ann, 30, 20)
            stack.kill_host()
            stack.api("/sandbox/faults", method="DELETE")
            stack.write("etc/plugins.ini", re.sub(r"(?ms)^\[balance\]\n.*?(?=^\[|\Z)", "", ini))
            stack.start_host()
            stack.shown(ann, offer, "heard")
            until(lambda: not stack.sql("SELECT 1 FROM jobs WHERE plugin = 'audio' AND state <> 'done'"), "all ended")
            stack.stop_host()
            self.assertEqual(stack.account(ann), (30, 20))
            stack.sql("UPDATE holds SET expires_at = 1")
            stack.sql("UPDATE schedules SET next_at = 1 WHERE plugin = 'balance' AND name = 'expire'")
            stack.write("etc/plugins.ini", ini)
            stack.start_host()
            stack.wait_account(ann, 50, 0)

    def test_M7_without_a_price_nothing_is_done(self):
        with open(Stack(host=False).path("etc/plugins.ini"), encoding="utf-8") as file:
            ini = file.read().replace("audio 10 per minute first 60 free", "video 1")
        with MoneyStack(plugins_ini=ini) as stack:
            ann = stack.person(credits=50)
            stack.upload(ann, recording(3))
            stack.wait_message(ann, "Something went wrong")
            self.assertEqual(stack.requests("transcription"), [])


if __name__ == "__main__":
    unittest.main()
