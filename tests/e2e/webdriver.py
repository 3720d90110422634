"""A small WebDriver client: headless Chromium through chromedriver, standard library only.

    with Browser() as browser:
        browser.open("http://127.0.0.1:8090/")
        browser.find("[data-testid=input]").type("/start" + ENTER)
        browser.wait_text("[data-testid=message-text]", "Hello")

Everything that may take time is a wait with a deadline. The driver and the browser live in a private directory
and end with the `with` block.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ENTER, ESCAPE, TAB, BACKSPACE = "\ue007", "\ue00c", "\ue004", "\ue003"
ARROW_LEFT, ARROW_UP, ARROW_RIGHT, ARROW_DOWN = "\ue012", "\ue013", "\ue014", "\ue015"
SHIFT, CONTROL = "\ue008", "\ue009"
POLL, PATIENCE = 0.05, 30  # seconds; only a failing test ever waits that long
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


class WebDriverError(Exception):
    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message.splitlines()[0] if message else ''}")
        self.kind = kind


class Element:
    def __init__(self, browser, ident):
        self.browser, self.ident = browser, ident

    def _call(self, method, path, body=None):
        return self.browser.call(method, f"/element/{self.ident}{path}", body)

    def click(self):
        self._call("POST", "/click", {})

    def type(self, text):
        self._call("POST", "/value", {"text": text})

    upload = type  # the path of a file, into an input of type file

    def clear(self):
        self._call("POST", "/clear", {})

    @property
    def text(self):
        return self._call("GET", "/text")

    @property
    def label(self):
        """What it is called for those who do not see it."""
        return self._call("GET", "/computedlabel")

    def hover(self):
        move = {"type": "pointerMove", "origin": {ELEMENT: self.ident}, "x": 0, "y": 0}
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [move]}
        self.browser.call("POST", "/actions", {"actions": [mouse]})

    def attribute(self, name):
        return self._call("GET", f"/attribute/{name}")

    def dom(self, name):
        return self._call("GET", f"/property/{name}")

    def css(self, name):
        return self._call("GET", f"/css/{name}")

    @property
    def shown(self):
        return self._call("GET", "/displayed")

    def find_all(self, css):
        found = self._call("POST", "/elements", {"using": "css selector", "value": css})
        return [Element(self.browser, item[ELEMENT]) for item in found]

    def screenshot(self, path):
        _write_png(path, self._call("GET", "/screenshot"))


class Browser:
    def __init__(self, width=1280, height=860, languages="en-US"):
        self.width, self.height, self.languages = width, height, languages
        self.driver = self.session = self.directory = None

    # --- life ---

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="aisha-e2e-")
        try:
            self._start_driver()
            self._start_session()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def _start_driver(self):
        """It takes a port that is free in IPv6 and hopes that it is in IPv4: this may take several tries."""
        self.base = wait_for(self._try_driver, PATIENCE, "chromedriver to listen")

    def _try_driver(self):
        log = os.path.join(self.directory, "chromedriver.log")
        environment = dict(os.environ, TMPDIR=self.directory, HOME=self.directory)
        with open(log, "wb") as output:
            self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=output, stderr=subprocess.STDOUT,
                                           env=environment, start_new_session=True)

        def outcome():
            _, mark, rest = _read(log).rpartition("started successfully on port ")
            if mark and "." in rest:
                return f"http://127.0.0.1:{rest.split('.')[0]}"
            return self.driver.poll() is not None and "ended"

        result = wait_for(outcome, PATIENCE, "chromedriver to listen or to end")
        if result == "ended" and "Address already in use" not in _read(log):
            raise RuntimeError("chromedriver ended at once: " + _read(log))
        return result != "ended" and result

    def _start_session(self):
        options = {"binary": shutil.which("chromium"), "args": ARGUMENTS + [
            f"--user-data-dir={self.directory}/profile", f"--window-size={self.width},{self.height}",
            f"--lang={self.languages}", f"--accept-lang={self.languages}"]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._request("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}, timeout=60)
        self.session = answer["sessionId"]
        self.resize(self.width, self.height)
        self.theme("light")

    def close(self):
        if self.session:
            try:
                self.call("DELETE", "")
            except (OSError, WebDriverError):
                pass
        if self.driver:
            _end_group(self.driver)
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.driver = self.session = self.directory = None

    # --- protocol ---

    def _request(self, method, path, body=None, timeout=40):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(value["error"], value["message"]) from None

    def call(self, method, path, body=None):
        return self._request(method, f"/session/{self.session}{path}", body)

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    # --- what tests use ---

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def reload(self):
        self.call("POST", "/refresh", {})

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find_all(self, css):
        found = self.call("POST", "/elements", {"using": "css selector", "value": css})
        return [Element(self, item[ELEMENT]) for item in found]

    def find(self, css, timeout=PATIENCE):
        """The first shown element, or a file input, which is never shown."""
        def first():
            return next((item for item in self.find_all(css) if item.shown or item.dom("type") == "file"), None)
        return self.wait(first, timeout, f"{css} to be shown")

    def click(self, css, timeout=PATIENCE):
        """Clicks the first shown element; one replaced or covered meanwhile is looked for again."""
        def attempt():
            self.find(css, timeout).click()
            return True
        self.wait(attempt, timeout, f"{css} to take a click")

    def insert(self, text):
        """Text into what has the focus, as an input method does: any character, and at once."""
        self.devtools("Input.insertText", text=text)

    def active(self):
        """What has the focus."""
        return Element(self, self.call("GET", "/element/active")[ELEMENT])

    def texts(self, css):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", css)

    def wait(self, predicate, timeout=PATIENCE, what="the condition"):
        """The first true value of predicate(); elements that go away while it looks are no failure."""
        def steady():
            try:
                return predicate()
            except WebDriverError as error:
                if error.kind in ("stale element reference", "element click intercepted", "element not interactable"):
                    return None
                raise
        return wait_for(steady, timeout, what)

    def wait_text(self, css, part, timeout=PATIENCE):
        """The text of the last element that contains part."""
        seen = []

        def matching():
            seen[:] = self.texts(css)
            return next((text for text in reversed(seen) if part in text), None)
        try:
            return self.wait(matching, timeout)
        except TimeoutError:
            raise TimeoutError(f"{part!r} was not seen in {css} within {timeout} s, only {seen}") from None

    def resize(self, width, height, mobile=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=mobile,
                      deviceScaleFactor=2 if mobile else 1)

    def touch(self, on):
        """A screen for fingers instead of a mouse."""
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=on)

    def theme(self, name):
        """Light or dark; always with little motion, so that pictures do not depend on the moment."""
        features = {"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"}
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": key, "value": value} for key, value in features.items()])

    def offline(self, on):
        self.devtools("Network.enable")
        self.devtools("Network.emulateNetworkConditions", offline=on, latency=0, downloadThroughput=-1,
                      uploadThroughput=-1)

    def screenshot(self, path):
        _write_png(path, self.call("GET", "/screenshot"))

    def console(self, level="SEVERE"):
        """Console messages of a level since the last call."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == level]


def wait_for(predicate, timeout=PATIENCE, what="the condition"):
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(POLL)


def _end_group(process):
    """Ends chromedriver and the browser it started: they share a process group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _write_png(path, text):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "wb") as file:
        file.write(base64.b64decode(text))
