"""The tools at the side: faults, requests, the inspector, the clock."""
import re
import time
import unittest

from page import ANSWER, BOT, DESKTOP, PHONE, PageTest, by
from stack import ApiError
from webdriver import ARROW_RIGHT, ESCAPE

ARMED, REQUEST = by("armed-fault"), by("request")
FAILED = re.compile(r"\b[45]\d\d$", re.MULTILINE)


class Panels(PageTest):
    host = False

    def setUp(self):
        super().setUp()
        self.stack.send(self.user, "hello")
        self.addCleanup(self.page.theme, "light")
        self.addCleanup(self.page.resize, *DESKTOP)
        self.addCleanup(self.clear)

    def clear(self):
        for fault in self.stack.api("/sandbox/faults")["faults"]:
            self.cancel(fault)
        self.stack.api("/sandbox/clock", {"reset": True})

    def cancel(self, fault):
        self.page.run("return fetch(`/sandbox/faults?id=${arguments[0]}`, {method: 'DELETE'})", fault["id"])

    def pictures(self, name):
        self.picture(name)
        self.page.resize(*PHONE, mobile=True)
        self.page.theme("dark")
        self.picture(name + "-phone-dark")
        self.page.resize(*DESKTOP)
        self.page.theme("light")

    def bot_fails(self, method="sendMessage", **params):
        with self.assertRaises(ApiError) as caught:
            self.stack.api(BOT + method, {"chat_id": self.user, "text": "x"} | params)
        return caught.exception

    def test_a_press_arms_a_fault_and_another_takes_it_back(self):
        self.open_tab("faults")
        self.page.find(by("no-faults"))
        self.pictures("faults")
        self.page.click(by("fault-floodChat"))
        self.page.wait_text(ARMED, "429 in this chat")
        self.page.wait_text(by("armed"), "1 fault")
        self.assertIn("Too Many Requests: retry after", self.bot_fails().body)
        self.reload()
        self.page.wait_text(by("armed"), "1 fault", ANSWER)
        self.open_tab("faults")
        self.pictures("faults-armed")
        self.page.click(by("fault-cancel"))
        self.page.find(by("no-faults"))
        self.assertEqual(self.bot_says("it works again")["text"], "it works again")
        self.page.wait(lambda: not self.page.find_all(by("armed"))[0].shown, what="the mark to go")

    def test_faults_of_calls_are_for_a_method_and_a_number(self):
        self.open_tab("faults")
        self.page.click(by("fault-method") + " option[value=deleteMessage]")
        self.page.find(by("fault-count")).clear()
        self.page.find(by("fault-count")).type("2")
        self.page.click(by("fault-http500"))
        self.page.wait_text(ARMED, "2 times left")
        self.page.wait_text(ARMED, "deleteMessage: Answers 500")
        self.assertEqual([self.bot_fails("deleteMessage", message_id=1).status for _ in range(2)], [500, 500])
        self.page.find(by("no-faults"))
        self.page.click(by("fault-block"))
        self.page.wait_text(by("barred"), "You have blocked the bot")
        self.assertEqual(self.bot_fails().status, 403)

    def test_faults_of_providers(self):
        self.open_tab("faults")
        self.page.click(by("provider-fal") + " option[value=noFace]")
        self.page.click(by("provider-fal-arm"))
        self.page.wait_text(ARMED, "fal.ai: face_detection_error")
        self.page.click(by("provider-openai") + " option[value=quota]")
        self.page.click(by("provider-openai-arm"))
        self.page.wait(lambda: len(self.page.find_all(ARMED)) == 2, what="both")
        self.page.wait(lambda: self.page.find(by("training-seconds")).dom("value") == "30", what="the time")
        self.page.find(by("training-seconds")).clear()
        self.page.find(by("training-seconds")).type("5\t")
        self.page.wait(lambda: self.stack.api("/sandbox/fal")["training_ms"] == 5000, what="the setting")
        self.page.run("document.querySelector(arguments[0]).scrollIntoView()", by("provider-fal"))
        self.pictures("faults-providers")

    def test_limits_are_switched_on(self):
        self.open_tab("faults")
        self.page.click(by("limits-switch"))
        self.page.wait(lambda: self.stack.api("/sandbox/limits")["enabled"], what="the limits")
        for number in range(40):
            try:
                self.bot_says(f"message {number}")
            except ApiError as error:
                self.assertEqual(error.status, 429)
                break
        else:
            self.fail("no limit was met")
        self.page.click(by("limits-switch"))
        self.page.wait(lambda: not self.stack.api("/sandbox/limits")["enabled"], what="no limits")

    def test_requests_are_searched_and_opened(self):
        self.open_tab("requests")
        self.bot_says("a needle")
        self.bot_says("hay")
        self.bot_fails(chat_id=5)
        self.page.wait_text(REQUEST, "a needle")

        def shown():
            return [item.text for item in self.page.find_all(REQUEST) if item.shown]
        self.page.find(by("requests-search")).type("needle")
        self.page.wait(lambda: len(shown()) == 1, what="one request")
        self.page.click(REQUEST + " summary")
        self.page.wait_text(REQUEST + " " + by("json"), "chat_id")
        self.page.find(by("request-curl"))
        self.pictures("requests")
        self.page.find(by("requests-search")).clear()
        self.page.find(by("requests-search")).type(" ")
        self.page.click(by("requests-failed"))
        self.page.wait(lambda: shown() and all(FAILED.search(text) for text in shown()), what="what failed")
        self.page.click(by("requests-failed"))

    def test_a_message_is_shown_as_it_is(self):
        sent = self.bot_says("look inside")
        self.page.wait_text(by("message-text"), "look inside")
        self.open_menu("[data-from=bot]" + by("message"))
        self.page.click(by("menu-json"))
        self.page.wait_text(by("raw-message"), f"message_id: {sent['message_id']}".replace(",", ""))
        self.page.wait_text(by("look"), "The sandbox")
        self.pictures("inspector")

    def test_the_clock_is_moved(self):
        self.open_tab("clock")
        self.page.wait_text(by("clock-shift"), "As on this machine")
        self.page.click(by("clock-plusDay"))
        self.page.click(by("clock-plusHour"))
        self.page.wait_text(by("shifted"), "+1 day 1 hour")
        offset = self.stack.api("/sandbox/clock")["offset_s"]
        self.assertAlmostEqual(offset, 90000, delta=2)
        self.assertGreater(self.bot_says("from tomorrow")["date"], time.time() + 89000)
        self.pictures("clock")
        self.page.click(by("clock-reset"))
        self.page.wait_text(by("clock-shift"), "As on this machine")
        self.page.wait(lambda: not self.page.find_all(by("shifted"))[0].shown, ANSWER, "the mark to go")

    def test_the_tabs_work_from_the_keyboard(self):
        self.open_tab("about")
        self.page.find(by("tab-about")).type(ARROW_RIGHT)
        self.assertEqual(self.page.active().attribute("data-testid"), "tab-faults")
        self.assertEqual(self.page.active().attribute("aria-selected"), "true")
        self.page.active().type(ESCAPE)
        self.page.wait(lambda: not self.page.find_all(by("drawer"))[0].shown, what="the drawer to go")
        self.assertEqual(self.page.active().attribute("data-testid"), "drawer-toggle")


if __name__ == "__main__":
    unittest.main()
