"""Secrets: encrypted in the configuration, and in nothing that the host says whatever goes wrong."""
import subprocess
import unittest

from servers import Postgres
from stack import Stack, free_port, until
from test_audio import speech
from test_health import HEALTH, OPENAI, ready

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class Encrypted(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(plugins_ini=HEALTH + "tell\nkey = ${THE_KEY:-}\n", host=False))

    def secrets(self, *arguments, text="", status=0, **env):
        done = subprocess.run(self.stack.host_command("secrets", *arguments), input=text.encode(), check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.stack.host_env() | env,
                              cwd=self.stack.folder, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout.decode()

    def test_there_and_back(self):
        for text in ("a value\n", "a value\r\n", "a value"):
            sealed = self.secrets("encrypt", text=text, AISHA_MASTER_KEY=KEY)
            self.assertRegex(sealed, r"\Aenc:v1:[\w+/]+=*\n\Z")
            self.assertEqual(self.secrets("decrypt", text=sealed, AISHA_MASTER_KEY=KEY), "a value\n")

    def test_what_is_wrong_is_said(self):
        self.assertIn("secrets new-key", self.secrets("encrypt", text="x", status=1))
        self.assertIn("2 bytes instead of 32", self.secrets("encrypt", text="x", status=1, AISHA_MASTER_KEY="abc"))
        self.assertIn("nothing on stdin", self.secrets("encrypt", status=1, AISHA_MASTER_KEY=KEY))
        self.assertIn("encrypted already", self.secrets("encrypt", text="enc:v1:x", status=1, AISHA_MASTER_KEY=KEY))
        self.assertIn("not UTF-8", self.secrets("encrypt", text="a\0b", status=1, AISHA_MASTER_KEY=KEY))
        self.assertIn("does not start with enc:", self.secrets("decrypt", text="x", status=1, AISHA_MASTER_KEY=KEY))
        self.assertIn("SECTION.KEY", self.secrets("encrypt", "a value", text="x", status=1, AISHA_MASTER_KEY=KEY))
        sealed = self.secrets("encrypt", text="x", AISHA_MASTER_KEY=KEY)
        other = self.secrets("new-key").strip()
        self.assertIn("another key", self.secrets("decrypt", text=sealed, status=1, AISHA_MASTER_KEY=other))
        self.assertIn("usage:", self.secrets(status=2))

    def test_the_host_reads_them(self):
        self.stack.env |= {"AISHA_MASTER_KEY": KEY, "BOT_TOKEN": self.secrets("encrypt", "telegram.token",
                           text="123456:SANDBOX", AISHA_MASTER_KEY=KEY).strip()}
        self.stack.start_host()
        ann = self.stack.user("Ann")
        self.stack.send(ann, "/tell")
        self.stack.wait_message(ann, "")
        del self.stack.env["AISHA_MASTER_KEY"]
        self.assertRegex(self.stack.run_host("plugins")[1], "token: .*there is no key\n.*AISHA_MASTER_KEY")

    def test_a_key_file_and_a_value_in_several_lines(self):
        self.stack.write("key", KEY + "\n")
        self.stack.write("etc/aisha.ini", "[secrets]\nkey_file = key\n[telegram]\ntoken = ${BOT_TOKEN}\n")
        sealed = self.secrets("encrypt", "health.key", text="s" * 300).strip()
        lines = "\n ".join(sealed[at:at + 100] for at in range(0, len(sealed), 100))
        self.stack.write("etc/plugins.ini", HEALTH + "well\nkey = " + lines + "\n")
        self.assertEqual(self.stack.run_host("plugins")[0], 0)
        self.stack.write("etc/plugins.ini", HEALTH + "well\nkey = " + lines.replace("health.key", "health.does") + "\n")
        self.assertIn("was encrypted for health.does", self.stack.run_host("plugins")[1])
        self.stack.write("key", "nonsense")
        self.assertRegex(self.stack.run_host("plugins")[1], "(?s)^key: its? .*32.*new-key")


class Redacted(unittest.TestCase):
    """Secrets that begin with "hush" are put everywhere; that word is nowhere in what is said."""

    def see(self, text):
        self.assertNotIn("hush", text)
        return text

    def log(self, stack, *wanted):
        for text in wanted:
            until(lambda text=text: text.encode() in stack.host.output(), f"the log says {text}")
        return self.see(stack.host.output().decode())

    def test_a_plugin_that_tells_its_key(self):
        with Stack(plugins_ini=HEALTH + "tell\nkey = hush,/I am a key\n") as stack:
            self.see(stack.run_host("check")[1])
            row = ready(stack)[1]["health/mood"]
            self.assertEqual((row["text"], row["advice"]), ("the key is ***", "keep *** to yourself"))
            ann = stack.user("Ann")
            stack.send(ann, "/tell")
            self.log(stack, "my key is ***", "it was the key ***")

    def test_telegram_repeats_the_token(self):
        token = "123456:hushSANDBOX"
        with Stack(host=False, env={"BOT_TOKEN": token}) as stack:
            for text in (f"Unauthorized: {token} is not known", f"the bot {token[7:]} is not known"):
                stack.fault("getMe", http=401, description=text)
                self.assertRegex(self.see(stack.run_host("check")[1]), r"failed +telegram .*\*\*\* is not known")
                stack.fault("getMe", http=401, description=text)
                self.assertEqual(stack.run_host("run")[0], 1)
            stack.fault("getMe", http=401, description=token)
            self.assertIn("***", self.see(stack.run_host("run")[1]))
            stack.env["BOT_TOKEN"] = "hush is not a token"
            self.see(stack.run_host("check")[1])

    def test_a_provider_repeats_the_key(self):
        with Stack(plugins_ini="[home]\n" + OPENAI + "[audio]\n",
                   env={"OPENAI_API_KEY": "hush-0123456789-abcdefgh"}) as stack:
            ann = stack.user("Ann")
            stack.fault("transcription", http=401, description="Incorrect API key hush-0123456789-abcd")
            stack.upload(ann, speech())
            self.log(stack, "transcription refused")

    def test_stores(self):
        with Postgres() as server, Stack(host=False) as stack:
            with open(server.path("data", "pg_hba.conf"), "r+", encoding="utf-8") as file:
                rules = "host all me 127.0.0.1/32 scram-sha-256\n" + file.read()
                file.seek(0)
                file.write(rules)
            server.sql("CREATE ROLE me LOGIN PASSWORD 'right'; SELECT pg_reload_conf()")
            at = f"127.0.0.1:{server.port}/postgres"
            for url in (f"postgresql://me:hush%2Ftwo@{at}", f"postgresql://{at}?user=me&password=hush-three"):
                stack.env["DATABASE_URL"] = url
                self.assertRegex(self.see(stack.run_host("check")[1]),
                                 r"(?m)^failed +database .*password authentication failed")
                self.assertIn("password authentication failed", self.see(stack.run_host("migrate")[1]))
            for url in ("postgresql://me:hush/one@127.0.0.1/x", "postgresql://me:hush@127.0.0.1:99999/x",
                        f"postgresql://127.0.0.1:{free_port()}/x?password=hush&nonsense=1",
                        "mysql://me:hush@127.0.0.1/x", "me:hush@127.0.0.1"):
                stack.env["DATABASE_URL"] = url
                for command in ("check", "migrate"):
                    self.assertRegex(self.see(stack.run_host(command)[1]), r"\[database\]|_URL|PostgreSQL|libpq")

    def test_addresses(self):
        with Stack(plugins_ini=OPENAI, host=False) as stack:
            at = f"127.0.0.1:{free_port()}"
            for name, url in (("REDIS_URL", f"redis://:hush-one@{at}/0"), ("REDIS_URL", f"redis://:hush/two@{at}/x"),
                              ("BLOB_URL", f"s3+http://key:hush%2Fthree@{at}/bucket?region=here"),
                              ("BLOB_URL", f"s3+http://key:hush/four@{at}/bucket")):
                stack.env = {name: url}
                self.assertRegex(self.see(stack.run_host("check")[1]), r"redis +|files +|\[redis\]|\[blob\]")
            for name in ("TELEGRAM_API_URL", "OPENAI_BASE_URL", "PUBLIC_URL", "BLOB_URL"):
                for url in ("http://me:hush-one@127.0.0.1:1/x", "ftp://me:hush-two@127.0.0.1:1/ y",
                            "http://me:hush/three@127.0.0.1:1/x"):
                    stack.env = {name: url}
                    self.see(stack.run_host("check")[1])


if __name__ == "__main__":
    unittest.main()
