"""./dev with stand-ins for what it starts: the demo ends as a whole, and packages are handled with care."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEADLINE = 60

SANDBOX = r'''#!/usr/bin/python3 -u
import http.server, json, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"page" if self.path == "/" else json.dumps({"bot": {"polling": self.server.polled}}).encode()
        self.server.polled |= self.path.startswith("/bot")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

host, port = sys.argv[sys.argv.index("--listen") + 1].split(":")
server = http.server.ThreadingHTTPServer((host, int(port)), Answer)
server.polled = False
print(f"listening on http://{host}:{server.server_port}")
server.serve_forever()
'''

HOST = r'''#!/usr/bin/python3 -u
import json, os, signal, subprocess, sys, urllib.request
if os.path.exists(os.environ["DATABASE_URL"].split(":")[1] + ".bad"):
    sys.exit("the configuration is bad")
child = subprocess.Popen(["sleep", "1000"])
signal.signal(signal.SIGTERM, lambda *_: (child.kill(), sys.exit(0)))
print(json.dumps(dict(os.environ)))
print(sys.argv[1:])
print("info  bot: listening on port 4711")
urllib.request.urlopen(f"{os.environ['TELEGRAM_API_URL']}/bot{os.environ['BOT_TOKEN']}/getUpdates").read()
signal.pause()
'''


def executable(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


def until(condition):
    deadline = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
    return result


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aisha-dev-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.build = self.path("build")
        self.env = dict(os.environ, AISHA_BUILD=self.build)
        executable(self.path("build/sdk/sandbox/aisha-sandbox"), SANDBOX)
        executable(self.path("build/host/aisha"), HOST)
        os.mkdir(self.path("build/meson-private"))
        for name in ("build.ninja", "meson-private/cmd_line.txt"):
            with open(self.path("build", name), "w", encoding="utf-8"):
                pass

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def fake(self, name, text):
        """Puts a program of this name before the real one."""
        executable(self.path("bin", name), "#!/bin/bash\n" + text)
        if not self.env["PATH"].startswith(self.path("bin")):
            self.env["PATH"] = self.path("bin") + ":" + self.env["PATH"]

    def dev(self, *arguments):
        done = subprocess.run([os.path.join(ROOT, "dev"), *arguments], env=self.env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE, check=False)
        return done.returncode, done.stdout, done.stderr


class Demo(Case):
    def start(self, *arguments):
        """Starts the demo and waits for its line; the process and the page's address."""
        command = [os.path.join(ROOT, "dev"), "demo", "--no-install", "--no-open", "--data", self.path("data")]
        command += arguments
        demo = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)
        self.addCleanup(self.discard, demo)
        return demo, demo.stdout.readline().strip()

    def discard(self, demo):
        if demo.poll() is None:
            demo.terminate()
        demo.communicate(timeout=DEADLINE)

    def processes(self):
        """Everything that has the demo's stand-ins or their data in its environment or command line."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace")
                with open(f"/proc/{pid}/environ", "rb") as file:
                    environment = file.read().decode(errors="replace")
            except OSError:
                continue
            if self.folder in command + environment and int(pid) != os.getpid():
                found[int(pid)] = command
        return found

    def pid(self, name):
        return next(pid for pid, command in self.processes().items() if name in command and "python3" in command)

    def assert_all_ended(self, demo):
        output = demo.communicate(timeout=DEADLINE)
        self.assertEqual(self.processes(), {})
        return output

    def test_it_prints_one_address_and_the_page_is_there(self):
        demo, url = self.start("--port", "0")
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/$")
        self.assertEqual(urllib.request.urlopen(url).read(), b"page")
        demo.terminate()
        output, said = self.assert_all_ended(demo)
        self.assertEqual(output, "")
        self.assertIn("http://127.0.0.1:4711/", said, "where the host takes webhooks")
        self.assertIn(self.path("data/host.log"), said)

    def test_the_host_reads_other_files(self):
        self.start("--port", "0", "--plugins", "mine.ini", "--config", "my host.ini")
        with open(self.path("data/host.log"), encoding="utf-8") as log:
            self.assertIn("['--plugins', 'mine.ini', '--config', 'my host.ini', 'run']", log.read())

    def test_its_options_are_told(self):
        status, output, _ = self.dev("demo", "--help")
        self.assertEqual(status, 0)
        self.assertIn("--plugins FILE", output)

    def test_signals_end_all_of_it(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(number):
                demo, _ = self.start("--port", "0")
                demo.send_signal(number)
                self.assert_all_ended(demo)
                self.assertEqual(demo.returncode, status)

    def test_control_c_reaches_the_group_and_ends_all_of_it(self):
        demo, _ = self.start("--port", "0")
        os.killpg(demo.pid, signal.SIGINT)
        self.assert_all_ended(demo)

    def test_it_can_be_interrupted_as_a_background_job(self):
        script = f"'{ROOT}/dev' demo --no-install --no-open --port 0 --data '{self.path('data')}' & echo $!; wait"
        shell = subprocess.Popen(["bash", "-c", script], env=self.env, stdout=subprocess.PIPE, text=True)
        pid = int(shell.stdout.readline())
        shell.stdout.readline()
        os.kill(pid, signal.SIGINT)
        self.assert_all_ended(shell)

    def test_even_its_sudden_death_leaves_nothing_behind(self):
        demo, _ = self.start("--port", "0")
        demo.kill()
        demo.wait()
        until(lambda: not self.processes())

    def test_the_end_of_either_program_ends_all_of_it(self):
        for name in ("aisha run", "aisha-sandbox"):
            with self.subTest(name):
                demo, _ = self.start("--port", "0")
                os.kill(self.pid(name), signal.SIGKILL)
                _, errors = self.assert_all_ended(demo)
                self.assertEqual(demo.returncode, 1)
                self.assertIn("ended with status 137", errors)

    def test_the_log_is_shown_when_the_bot_does_not_start(self):
        os.mkdir(self.path("data"))
        open(self.path("data", "aisha.db.bad"), "w", encoding="utf-8").close()
        demo, url = self.start("--port", "0")
        _, errors = self.assert_all_ended(demo)
        self.assertEqual((url, demo.returncode), ("", 1))
        self.assertIn("the host ended with status 1", errors)
        self.assertIn("the configuration is bad", errors)

    def test_the_callers_configuration_stays_out(self):
        self.env |= {"BOT_TOKEN": "1:REAL", "TELEGRAM_API_URL": "http://real", "ADMIN_IDS": "1", "FAL_KEY": "k"}
        demo, _ = self.start("--port", "0")
        with open(self.path("data/host.log"), encoding="utf-8") as log:
            env = json.loads(log.readline())
        self.assertEqual(env["BOT_TOKEN"], "123456:SANDBOX")
        self.assertTrue(env["TELEGRAM_API_URL"].startswith("http://127.0.0.1:"))
        self.assertEqual((env["ADMIN_IDS"], env["FAL_KEY"]), ("", "sandbox"))
        self.discard(demo)

    def test_a_port_in_use_is_refused_when_asked_for(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            demo, url = self.start("--port", port)
            _, errors = self.assert_all_ended(demo)
        self.assertEqual((url, demo.returncode), ("", 1))
        self.assertIn(f"port {port} is in use", errors)

    def test_another_port_is_taken_when_the_usual_one_is_in_use(self):
        try:
            taken = socket.create_server(("127.0.0.1", 8090))
        except OSError:
            taken = socket.socket()  # somebody has it already, which will do
        with taken:
            demo, url = self.start()
            self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/$")
            self.assertNotIn(":8090/", url)
            demo.terminate()
            _, errors = self.assert_all_ended(demo)
        self.assertIn("port 8090 is in use, taking a free one", errors)

    def test_two_demos_do_not_share_their_data(self):
        _, url = self.start("--port", "0")
        demo, line = self.start("--port", "0")
        _, errors = demo.communicate(timeout=DEADLINE)
        self.assertEqual((line, demo.returncode), ("", 1))
        self.assertIn(f"is running already: {url}", errors)

    def test_arguments_are_checked(self):
        for arguments in (["--port"], ["--port", "x"], ["--port", "65536"], ["--what"]):
            demo, url = self.start(*arguments)
            _, errors = demo.communicate(timeout=DEADLINE)
            self.assertEqual((url, demo.returncode), ("", 1), arguments)
            self.assertIn("dev: ", errors)


class Packages(Case):
    def without(self, *hidden):
        """A PATH with every program but these."""
        os.mkdir(self.path("programs"))
        for folder in reversed(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                target = self.path("programs", name)
                if name not in hidden:
                    if os.path.lexists(target):
                        os.remove(target)
                    os.symlink(os.path.join(folder, name), target)
        self.env["PATH"] = self.path("programs")

    def dpkg_lacks(self, *missing):
        names = "|".join(missing) or "-"
        self.fake("dpkg-query", f'for p; do case $p in {names}) ;; *) echo "installed $p" ;; esac; done; exit 1\n')

    def test_no_install_lists_what_is_missing_and_why(self):
        self.without("ninja", "pkg-config")
        self.dpkg_lacks("ninja-build", "pkg-config", "libcjson-dev", "libcmocka-dev")
        status, output, errors = self.dev("build", "--no-install")
        self.assertEqual((status, output), (1, ""))
        self.assertRegex(errors, r"ninja-build +build system\n")
        self.assertRegex(errors, r"libcjson-dev +JSON\n")
        self.assertNotIn("libcmocka-dev", errors)  # only the tests need it

    def test_no_install_is_content_with_programs_from_elsewhere(self):
        self.dpkg_lacks("ninja-build", "libcjson-dev")
        self.assertEqual(self.dev("--no-install", "build")[0], 0)

    def test_missing_packages_are_installed_without_questions(self):
        self.dpkg_lacks("libcjson-dev", "meson")
        self.fake("id", "echo 1000\n")
        self.fake("apt-get", "exit 9\n")
        self.fake("sudo", f'printf "%s\\n" "$@" >{self.path("sudo")}\n')
        status, _, errors = self.dev("build")
        self.assertEqual(status, 0, errors)
        self.assertIn("installing Debian packages: meson libcjson-dev\n", errors)
        with open(self.path("sudo"), encoding="utf-8") as file:
            asked = file.read()
        for part in ("DEBIAN_FRONTEND=noninteractive", "--no-install-recommends", "--no-remove", "policy-rc.d"):
            self.assertIn(part, asked)
        self.assertTrue(asked.endswith("sh\nmeson\nlibcjson-dev\n"), asked)

    def test_a_failing_installation_shows_its_log(self):
        self.dpkg_lacks("meson")
        self.fake("id", "echo 1000\n")
        self.fake("sudo", "echo E: no such package >&2; exit 100\n")
        status, _, errors = self.dev("build")
        self.assertEqual(status, 1)
        self.assertIn("E: no such package", errors)

    def test_a_system_without_apt_gets_a_list(self):
        self.without("apt-get", "dpkg-query", "ninja")
        status, _, errors = self.dev("build")
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"names of the Debian packages\):\n  ninja-build +build system\n$")

    def test_a_system_without_apt_builds_when_nothing_is_missing(self):
        self.without("apt-get", "dpkg-query")
        self.assertEqual(self.dev("build")[0], 0)

    def test_other_libraries_that_cannot_be_had_have_failed(self):
        self.without("node", "npm")
        self.dpkg_lacks("nodejs", "npm")
        status, output, errors = self.dev("test", "compat", "--no-install")
        self.assertEqual((1, "0 passed, 1 failed"), (status, output.splitlines()[-1]))
        self.assertRegex(errors, r"nodejs +runs bots of other libraries\n  npm +fetches those libraries\n")

    def test_node_from_elsewhere_is_as_good(self):
        self.dpkg_lacks("nodejs", "npm")
        for name in ("node", "npm"):
            self.fake(name, "exit 0\n")
        self.fake("meson", "echo no meson today; exit 1\n")
        self.fake("sudo", "exit 9\n")
        self.fake("id", "echo 1000\n")
        _, _, errors = self.dev("test", "compat")
        self.assertNotIn("installing", errors)
        self.assertIn("no meson today", errors)


class Commands(Case):
    def test_run_hands_over_environment_and_arguments(self):
        executable(self.path("build/host/aisha"), '#!/bin/sh\necho "$BOT_TOKEN $*"\n')
        self.env["BOT_TOKEN"] = "1:X"
        status, output, _ = self.dev("run", "--no-install", "--plugins", "p.ini")
        self.assertEqual((status, output), (0, "1:X run --plugins p.ini\n"))

    def test_a_failing_build_is_shown(self):
        with open(self.path("build/build.ninja"), "w", encoding="utf-8") as file:
            file.write("rule r\n  command = echo the reason; false\nbuild x: r\n")
        status, output, errors = self.dev("build", "--no-install")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("the reason", errors)

    def test_tests_that_cannot_run_have_failed(self):
        self.fake("meson", "echo no meson today; exit 1\n")
        status, output, errors = self.dev("test", "--no-install")
        self.assertEqual(status, 1)
        self.assertEqual(output.splitlines()[-1], "0 passed, 1 failed")
        self.assertIn("no meson today", errors)

    def test_help_names_every_command(self):
        status, output, _ = self.dev("help")
        with open(os.path.join(ROOT, "dev"), encoding="utf-8") as file:
            commands = re.findall(r"^([a-z]+)(?:\)| \|)", file.read(), re.MULTILINE)
        self.assertEqual(status, 0)
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            self.assertRegex(output, rf"\n  {command}\b")

    def test_an_unknown_command_is_refused(self):
        status, _, errors = self.dev("frobnicate")
        self.assertEqual(status, 2)
        self.assertIn("usage", errors)
