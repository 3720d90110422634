"""GET /metrics: what it tells, to whom, and that nothing of it can break the format or load the database."""
import http.client
import os
import time
import unittest

from prometheus import parse
from stack import BUILD, Stack, free_port, until
from test_balance import ADMIN, MoneyStack

TOKEN = "0123456789abcdef-token"
PLAIN = "[home]\n"


def figures(does="well"):
    path = os.path.join(BUILD, "tests/plugins/figures/figures.so")
    return f"[figures]\npath = {path}\ndoes = {does}\nkey = a-key-that-nobody-sees\n"


def ask(stack, method="GET", version=11, path="/metrics", **headers):
    """Status, headers and body."""
    connection = http.client.HTTPConnection(stack.listen, timeout=30)
    connection._http_vsn, connection._http_vsn_str = version, f"HTTP/{version // 10}.{version % 10}"
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def scrape(stack):
    status, headers, body = ask(stack)
    assert status == 200, status
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", headers
    return parse(body)


def wait_value(stack, wanted, name, **labels):
    """What is read from the database may be some seconds old."""
    until(lambda: scrape(stack)[name].value(**labels) == wanted, f"{name} {labels} is {wanted}", pause=0.2)


class Parser(unittest.TestCase):
    def test_it_is_strict(self):
        head = "# HELP a_total x\n# TYPE a_total counter\n"
        metrics = parse(head + 'a_total{b="\\"\\\\\\n",c=""} 2.5\na_total 1e+20\n')
        self.assertEqual(metrics["a_total"].value(b='"\\\n', c=""), 2.5)
        for wrong in ("", head + "a_total 1", head + "\na_total 1\n", "a_total 1\n", head + "b 1\n",
                      head + "a_total 1\na_total 2\n", head + "a_total -1\n", head + "a_total NaN\n",
                      head + 'a_total{b="\\t"} 1\n', head + 'a_total{b="""} 1\n', head + 'a_total{b="1",b="2"} 1\n',
                      head + "a_total 1 1\n", head + "# x\na_total 1\n", head + "a_total 1\n" + head,
                      head.replace("x", "x\\y"), "# HELP a x\n# TYPE a counter\na 1\n", "# TYPE a gauge\na 1\n",
                      b"# HELP a \xff\n# TYPE a gauge\n", head + 'a_total{} 1\n', head + 'a_total{b="1",} 1\n'):
            with self.assertRaises(ValueError, msg=wrong):
                parse(wrong)


class Money(unittest.TestCase):
    def check(self, stack, **wanted):
        moved = scrape(stack)["aisha_balance_moved_credits_total"]
        got = {kind: moved.value(kind=kind) for kind in ("bought", "given", "spent", "refunded", "revoked")}
        self.assertEqual(got, dict.fromkeys(got, 0) | wanted)

    def test_the_books_are_told_exactly_and_after_a_restart(self):
        with MoneyStack() as stack:
            stack.send(ADMIN, "/start")
            ann, bob = stack.person(), stack.person("Bob")
            self.check(stack)
            charge = stack.pay(ann, stack.invoice(ann, "250 credits + 25"))["telegram_payment_charge_id"]
            stack.wait_account(ann, 275, 0)
            stack.pay(bob, stack.invoice(bob), outcome="doubled")
            stack.wait_account(bob, 150, 0)
            stack.as_admin(f"/grant {bob} 7.25 thanks", "Done")
            stack.as_admin(f"/revoke {bob} 2.5 too much", "Done")
            stack.as_admin(f"/refund {ann} {charge}", "Refunded")
            wait_value(stack, 154.75, "aisha_balance_owed_credits", account="user")
            wait_value(stack, 1, "aisha_balance_payments", state="refunded")
            self.check(stack, bought=400, given=32.25, revoked=2.5, refunded=275)
            before = scrape(stack)
            self.assertEqual(before["aisha_balance_owed_credits"].value(account="held"), 0)
            self.assertEqual(before["aisha_balance_people"].value(), 1)
            self.assertEqual(before["aisha_balance_payments"].value(state="paid"), 1)
            stack.restart_host()
            wait_value(stack, 1, "aisha_database_up")
            after = scrape(stack)
            for name in ("moved_credits_total", "owed_credits", "people", "payments"):
                self.assertEqual(after["aisha_balance_" + name].samples, before["aisha_balance_" + name].samples)
            self.assertEqual(after["aisha_updates_received_total"].value(kind="message"), 0)
            self.assertGreater(after["process_start_time_seconds"].value(),
                               before["process_start_time_seconds"].value())
            self.assertEqual(ask(stack, X_Forwarded_For="192.0.2.1")[0], 404)


class Host(unittest.TestCase):
    def test_what_it_does_is_counted(self):
        with Stack(plugins_ini=PLAIN + figures()) as stack:
            ann = stack.user()
            stack.send(ann, "/start")
            menu = stack.wait_message(ann)
            stack.send(ann, "/break")
            stack.wait_message(ann, after=menu["message_id"] + 1)
            stack.send(ann, "/hang")
            hanging = stack.wait_message(ann, "hanging")
            metrics = scrape(stack)
            self.assertEqual((metrics["aisha_updates_running"].value(), metrics["aisha_updates_waiting"].value()),
                             (1, 0))
            self.assertGreaterEqual(metrics["aisha_coroutines"].value(), 2)
            self.assertLess(metrics["aisha_coroutines"].value(), metrics["aisha_coroutines_max"].value())
            stack.send(ann, "x")
            until(lambda: scrape(stack)["aisha_updates_waiting"].value() == 1, "it waits behind the one that hangs")
            stack.fault("sendMessage", http=429, retry_after=1)
            stack.send(ann, "/cancel")
            stack.faults_met()
            ended = dict(kind="message", result="ok")
            until(lambda: scrape(stack)["aisha_updates_ended_total"].value(**ended) == 3, "all have ended")
            metrics = scrape(stack)
            self.assertEqual(metrics["aisha_updates_received_total"].value(kind="message"), 5)
            self.assertEqual(metrics["aisha_updates_ended_total"].value(kind="message", result="failed"), 1)
            self.assertEqual(metrics["aisha_updates_ended_total"].value(kind="message", result="cancelled"), 1)
            self.assertEqual(metrics["aisha_updates_running"].value(), 0)
            requests = metrics["aisha_telegram_requests_total"]
            self.assertEqual(requests.value(result="too_many_requests"), 1)
            self.assertGreaterEqual(requests.value(result="ok"), len(stack.bot_messages(ann)))
            self.assertIsNotNone(hanging)

    def test_stores_and_the_process(self):
        with Stack(plugins_ini=PLAIN) as stack:
            stack.sql("INSERT INTO dead_updates (bot_id, update_id, body, reason, attempts, failed_at) "
                      "VALUES (123456, 1, '{}', 'test', 3, 1)")
            metrics = scrape(stack)
            self.assertEqual(metrics["aisha_database_up"].value(), 1)
            self.assertEqual(metrics["aisha_cache_up"].value(), 1)
            self.assertEqual(metrics["aisha_dead_letters"].value(kind="update"), 1)
            self.assertEqual({dict(labels)["state"] for labels in metrics["aisha_jobs"].samples},
                             {"waiting", "running", "done", "cancelled", "dead"})
            self.assertGreater(metrics["process_resident_memory_bytes"].value(), 5e6)
            self.assertGreater(metrics["process_cpu_seconds_total"].value(), 0)
            requests = metrics["aisha_http_requests_total"]
            self.assertEqual(ask(stack, path="/nowhere")[0], 404)
            self.assertEqual(scrape(stack)["aisha_http_requests_total"].value(status="4xx"),
                             requests.value(status="4xx") + 1)

    def test_before_its_stores_are_there(self):
        with Stack(plugins_ini=PLAIN + figures(), host=False,
                   env={"DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/x"}) as stack:
            stack.launch_host()
            until(stack.is_healthy, "its server answers")
            metrics = scrape(stack)
            self.assertEqual(metrics["aisha_database_up"].value(), 0)
            self.assertEqual(metrics["aisha_plugin_metrics_up"].value(plugin="figures", metric="mood"), 0)
            self.assertNotIn("aisha_figures_mood", metrics)
            stack.kill_host()


class Access(unittest.TestCase):
    def test_who_may_see_them(self):
        with Stack(plugins_ini=PLAIN, env={"METRICS_TOKEN": TOKEN}) as stack:
            nothing = ask(stack, path="/nowhere")[2]
            proxies = ({"X_Forwarded_For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Via": "1.1 x"},
                       {"X_Real_IP": "127.0.0.1"}, {"X_Forwarded_Host": "x"}, {"X_Forwarded_Proto": "https"},
                       {"version": 10}, {"Host": "bot.example.org"}, {"Host": "127.0.0.1.example.org:80"},
                       {"Host": ""})
            self.assertEqual(ask(stack)[0], 200)
            self.assertEqual(ask(stack, Host="LocalHost:1")[0], 200)
            self.assertEqual(ask(stack, Host="[::1]:1")[0], 200)
            self.assertEqual(ask(stack, "HEAD")[::2], (200, b""))
            self.assertEqual(ask(stack, "POST")[0], 405)
            for proxy in proxies:
                self.assertEqual(ask(stack, **proxy)[::2], (404, nothing), proxy)
                self.assertEqual(ask(stack, "POST", **proxy)[0], 404, proxy)
                for wrong in ("Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"):
                    self.assertEqual(ask(stack, Authorization=wrong, **proxy)[0], 404, wrong)
                self.assertEqual(ask(stack, Authorization=f"Bearer {TOKEN}", **proxy)[0], 200, proxy)
            self.assertNotIn(TOKEN, stack.host.output().decode())

    def test_a_short_token_is_refused_at_the_start(self):
        with Stack(plugins_ini=PLAIN, host=False, env={"METRICS_TOKEN": "hush-hush"}) as stack:
            status, output = stack.run_host("check")
            self.assertEqual((status, "metrics_token" in output, "hush" in output), (1, True, False), output)


class Plugins(unittest.TestCase):
    def test_hostile_labels_and_help_stay_where_they_belong(self):
        with Stack(plugins_ini=PLAIN + figures()) as stack:
            metrics = scrape(stack)
            labels = metrics["aisha_figures_labels"]
            said = ['"} 1\naisha_figures_fake 2', "\\", '\\"\\n', "\ufffd\ufffd", "{}=,# é 🐈", "", "***"]
            for i, text in enumerate(said):
                self.assertEqual(labels.value(said=text, by="nobody"), i)
            self.assertEqual(labels.help, 'Two\nlines with a \\ and "quotes".')
            self.assertEqual(metrics["aisha_figures_labels_bytes"].value(), 0.1)
            self.assertNotIn("aisha_figures_fake", metrics)

    def check_broken(self, stack, *reasons):
        """reasons: names of rows and what the log says of them."""
        for _ in range(3):
            metrics = scrape(stack)
            up = metrics["aisha_plugin_metrics_up"]
            for name, _ in reasons:
                self.assertNotIn("aisha_figures_" + name, metrics)
                self.assertEqual(up.value(plugin="figures", metric=name), 0)
            self.assertEqual(up.value(plugin="figures", metric="labels"), 1)
            self.assertEqual(len(metrics["aisha_figures_labels"].samples), 7)
        for name, reason in reasons:
            said = [line for line in stack.host.output().decode().splitlines() if f"metrics={name} " in line]
            self.assertEqual(len(said), 1, said)
            self.assertIn("figures: ", said[0])
            self.assertIn(reason, said[0])

    def test_what_fails_or_cannot_be_shown_is_left_out_and_named_once(self):
        with Stack(plugins_ini=PLAIN + figures("break")) as stack:
            self.check_broken(stack, ("mood", "the weather is bad"), ("not_a_number", "cannot be nan"),
                              ("negative_total", "cannot be -1"), ("foreign", '"asked_total"'), ("long_label", "label"),
                              ("odd_label", "label"), ("too_many", "over 256"),
                              ("twice", 'two values with {a="1",b="2"}'))

    def test_a_slow_one_is_left_out_and_many_who_ask_share_one_reading(self):
        with Stack(plugins_ini=PLAIN + figures("hang")) as stack:
            begin = time.monotonic()
            self.assertEqual(scrape(stack)["aisha_figures_asked_total"].value(), 1)  # after 3 seconds for the slow one
            self.check_broken(stack, ("mood", "it takes too long"))
            again = time.monotonic()
            asked = [scrape(stack)["aisha_figures_asked_total"].value() for _ in range(20)]
            self.assertLess(time.monotonic() - again, 20, "nobody waits for what is known to be slow")
            self.assertLessEqual(asked[-1], 1 + (time.monotonic() - begin) / 2)
            until(lambda: scrape(stack)["aisha_figures_asked_total"].value() > 1, "it is read again", pause=0.2)


if __name__ == "__main__":
    unittest.main()
