"""What keeps the bot from working, as `aisha check` and GET /readyz tell it."""
import json
import os
import unittest
import urllib.error
import urllib.request

from stack import BUILD, Stack, free_port, until

HEALTH = "[health]\npath = " + os.path.join(BUILD, "tests/plugins/health/health.so") + "\ndoes = "
OPENAI = "[openai]\napi_key = ${OPENAI_API_KEY:-}\nbase_url = ${OPENAI_BASE_URL}\n"


def ready(stack):
    """Status and checks of /readyz by name."""
    try:
        answer = urllib.request.urlopen(f"http://{stack.listen}/readyz", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, {check["name"]: check for check in json.load(answer)["checks"]}


class Check(unittest.TestCase):
    def check(self, stack, status, *rows):
        got, output = stack.run_host("check")
        self.assertEqual(got, status, output)
        for row in rows:
            self.assertRegex(output, r"(?m)^" + row)
        return output

    def test_before_and_after_the_first_start(self):
        with Stack(plugins_ini=OPENAI, host=False) as stack:
            self.check(stack, 0, r"ok +database .*first start", "ok +files", r"ok +telegram .* @", "ok +openai/key",
                       r"\d+ ok, 0 warnings, 0 failed$")
            self.assertFalse(os.path.exists(stack.path("aisha.db")), "a check makes no database")
            stack.start_host()
            self.check(stack, 0, r"ok +database +\d+ ms  SQLite$", r"ok +migrations +\d+ ms$")  # beside it
            stack.stop_host()
            stack.sql("DELETE FROM schema_migrations WHERE version > 1")
            self.check(stack, 0, "warning +migrations .* are missing\n    the next start applies them")
            stack.sql("UPDATE schema_migrations SET checksum = 'x'")
            self.check(stack, 1, "failed +migrations .* was changed after it had been applied")

    def test_telegram(self):
        with Stack(host=False, env={"BOT_TOKEN": "123456:WRONG"}) as stack:
            stack.fault("getMe", http=401, description="Unauthorized")
            self.check(stack, 1, "failed +telegram .*Unauthorized\n.*@BotFather")
            stack.env["TELEGRAM_API_URL"] = f"http://127.0.0.1:{free_port()}"
            output = self.check(stack, 1, "failed +telegram .*cannot be reached.*\n.*TELEGRAM_API_URL")
            self.assertNotIn("WRONG", output)

    def test_webhook(self):
        with Stack(mode="webhook") as stack:
            self.check(stack, 0, "ok +webhook")
            self.assertEqual(ready(stack)[1]["webhook"]["status"], "ok")
            stack.stop_host()
            stack.env["PUBLIC_URL"] = "http://elsewhere.example.org"
            self.check(stack, 0, "warning +webhook .*another address")

    def test_stores(self):
        with Stack(plugins_ini=OPENAI, host=False) as stack:
            stack.write("not-a-database", "x" * 10000)
            stack.env |= {"DATABASE_URL": "sqlite:" + stack.path("not-a-database"), "BLOB_URL": "file:/dev/null/files"}
            self.check(stack, 1, "warning +openai/key .*not asked",
                       "failed +database .*not a database\n    correct DATABASE_URL",
                       "failed +files .*\n    correct BLOB_URL")
            stack.env["DATABASE_URL"] = f"postgresql://me:hush@127.0.0.1:{free_port()}/aisha"
            output = self.check(stack, 1, "failed +database .*PostgreSQL cannot be")
            self.assertNotIn("hush", output)

    def test_plugins(self):
        with Stack(plugins_ini=HEALTH + "break\n" + OPENAI, host=False) as stack:
            stack.env["OPENAI_API_KEY"] = ""
            self.check(stack, 1, "failed +health/mood .*the weather is bad", "warning +openai/key .*there is no key")
            stack.env |= {"OPENAI_API_KEY": "sk-hush", "OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}"}
            self.assertNotIn("hush", self.check(stack, 1, "warning +openai/key .*no answer"))


class Ready(unittest.TestCase):
    def test_all_is_well(self):
        with Stack(plugins_ini=HEALTH + "well\n") as stack:
            status, checks = ready(stack)
            self.assertEqual((status, set(checks)), (200, {"start", "database", "files", "telegram", "health/mood"} |
                                                     ({"webhook"} if stack.mode == "webhook" else set())))
            self.assertEqual({check["status"] for check in checks.values()}, {"ok"})
            self.assertGreater(checks["telegram"]["latency_us"], 0)
            for _ in range(5):
                self.assertEqual(ready(stack)[1]["health/mood"]["text"], "asked 1 times")
            asked = [request["method"] for request in stack.requests()].count("getMe")
            self.assertLessEqual(asked, 2)  # at the start and for the first of six

    def test_plugins_are_not_asked_before_the_start(self):
        with Stack(plugins_ini=HEALTH + "well\n", host=False,
                   env={"DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/x"}) as stack:
            stack.launch_host()
            until(stack.is_healthy, "its server answers")
            status, checks = ready(stack)
            self.assertEqual((status, checks["start"]["status"], checks["health/mood"]["status"]),
                             (503, "failed", "warning"))
            stack.kill_host()

    def test_a_warning_is_told_and_no_failure(self):
        with Stack(plugins_ini=HEALTH + "warn\n") as stack:
            status, checks = ready(stack)
            self.assertEqual((status, checks["health/mood"]["status"]), (200, "warning"))
            self.assertEqual(checks["health/mood"]["advice"], "cheer it up")

    def test_a_failure_makes_it_unready(self):
        with Stack(plugins_ini=HEALTH + "fail\n") as stack:
            status, checks = ready(stack)
            self.assertEqual((status, checks["health/mood"]["status"]), (503, "failed"))
            self.assertEqual(checks["database"]["status"], "ok")

    def test_one_that_hangs_is_not_waited_for(self):
        with Stack(plugins_ini=HEALTH + "hang\n") as stack:
            status, checks = ready(stack)
            self.assertEqual((status, checks["health/mood"]["text"]), (503, "it does not answer in time"))
            self.assertEqual(checks["database"]["status"], "ok")
            until(lambda: "canceled" in ready(stack)[1]["health/mood"]["text"], "its time is over")


if __name__ == "__main__":
    unittest.main()
