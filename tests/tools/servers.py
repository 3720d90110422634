"""Real servers for tests, private to them: on loopback, on free ports, in directories of their own.

    with Postgres() as server:
        server.url                    # postgresql://…
        server.stop(); server.start() # the same data again

As a program it starts those that are named, says where they are in the environment, and runs a command:

    servers.py postgres -- build/tests/unit/test_store

AISHA_TEST_POSTGRES is then the server's URL (AISHA_TEST_REDIS for redis). A server's processes end with the test,
however that ends.
"""
import atexit
import contextlib
import ctypes
import datetime
import fcntl
import hashlib
import hmac
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stack import BUILD, PR_SET_PDEATHSIG, free_port, processes, until  # noqa: E402

libc = ctypes.CDLL(None)


class Server:
    """A program in a directory; `user` is who it runs as when the tests run as root, `end` ends it at once."""

    user = None
    end = signal.SIGKILL

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="aisha-server-")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.child = None

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop(self.end)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def prepare(self):
        """Once, before the first start."""

    def identity(self):
        """Arguments for subprocess that make the child somebody else."""
        if os.geteuid() != 0 or not self.user:
            return {}
        who = pwd.getpwnam(self.user)
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}

    def run(self, command, **more):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False,
                              **self.identity(), **more)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self):
        with_us = ["setpriv", "--pdeathsig", self.end.name.removeprefix("SIG"), "--"]
        with open(self.path("log"), "ab") as log:
            self.child = subprocess.Popen(with_us + self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=self.folder, start_new_session=True, **self.identity())
        try:
            until(self.is_ready, f"{type(self).__name__} answers")
        except AssertionError:
            with open(self.path("log"), encoding="utf-8", errors="replace") as log:
                sys.stderr.write(log.read()[-3000:])
            raise

    def is_ready(self):
        if self.child.poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended with status {self.child.returncode}")
        return self.answers()

    def stop(self, number=signal.SIGTERM):
        if not self.child or self.child.poll() is not None:
            return
        if number == signal.SIGKILL:
            os.killpg(self.child.pid, number)
        else:
            self.child.send_signal(number)
        self.child.wait(60)

    def pause(self):
        """Stopped as by a debugger: connections stay, nothing answers."""
        os.killpg(self.child.pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self.child.pid, signal.SIGCONT)


def program(name, *places):
    """Where Debian's package put it."""
    found = next(filter(os.path.exists, (os.path.join(p, name) for p in places)), None) or shutil.which(name)
    if not found:
        raise AssertionError(f"{name} is not installed: ./dev test installs what the tests need")
    return found


class Postgres(Server):
    """`durable` flushes to the disk as a real one does, for benchmarks; tests survive without."""

    user = "postgres"
    end = signal.SIGQUIT  # killed, it would leave its shared memory to the machine

    def __init__(self, durable=False, settings=()):
        super().__init__()
        versions = sorted(os.listdir("/usr/lib/postgresql"), key=int) if os.path.exists("/usr/lib/postgresql") else []
        self.bin = f"/usr/lib/postgresql/{versions[-1]}/bin" if versions else ""
        self.settings = list(settings) + ([] if durable else ["fsync=off", "full_page_writes=off"])
        self.url = f"postgresql://aisha@127.0.0.1:{self.port}/postgres"

    def prepare(self):
        """initdb takes seconds, so what it makes is kept in the build directory."""
        made = os.path.join(BUILD, "postgres-template")
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        with open(made + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(made):
                self.run([program("initdb", self.bin), "-D", self.path("new"), "-U", "aisha", "-A", "trust", "-N",
                          "-E", "UTF8", "--locale", "C.UTF-8"])
                shutil.copytree(self.path("new"), made + ".part")
                os.rename(made + ".part", made)
        shutil.copytree(made, self.path("data"))
        os.chmod(self.path("data"), 0o700)
        if os.geteuid() == 0:
            for folder, _, names in os.walk(self.path("data")):
                for name in [folder] + [os.path.join(folder, name) for name in names]:
                    shutil.chown(name, self.user)

    def command(self):
        settings = [f"listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}",
                    "max_connections=200", "shared_buffers=64MB", "log_min_messages=fatal"] + self.settings
        return [program("postgres", self.bin), "-D", self.path("data")] + [a for s in settings for a in ("-c", s)]

    def answers(self):
        return subprocess.run([program("pg_isready", self.bin), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def stop(self, number=signal.SIGINT):
        """SIGINT is its fast shutdown: clients are cut off. Killed, it leaves processes behind for a moment, and does
        not start before they have ended."""
        table = processes()
        left = {pid: start for pid, (parent, _, start) in table.items() if self.child and parent == self.child.pid}
        super().stop(number)

        def are_gone():
            now = processes()
            return not any(pid in now and now[pid][2] == start for pid, start in left.items())
        until(are_gone, "the processes of PostgreSQL have ended")

    def sql(self, text):
        return self.run([program("psql", self.bin), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url,
                         "-c", text]).strip()

    def rows(self, text):
        """As tuples; numbers are numbers."""
        if not text.lstrip().upper().startswith("SELECT"):
            self.sql(text)
            return []
        answer = json.loads(self.sql(f"SELECT coalesce(json_agg(x), '[]') FROM ({text}) AS x"))
        return [tuple(row.values()) for row in answer]


class Redis(Server):
    """Keeps nothing: after a restart it is empty."""

    user = "redis"

    def __init__(self, password=None, settings=()):
        super().__init__()
        self.password, self.settings = password, list(settings)
        login = f":{urllib.parse.quote(password, safe='')}@" if password else ""
        self.url = f"redis://{login}127.0.0.1:{self.port}/0"

    def command(self):
        login = ["--requirepass", self.password] if self.password else []
        return [program("redis-server", "/usr/bin"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--daemonize", "no", *login, *self.settings]

    def cli(self, *arguments):
        login = ["--no-auth-warning", "-a", self.password] if self.password else []
        return self.run([program("redis-cli", "/usr/bin"), "-p", str(self.port), *login, *arguments]).strip()

    def answers(self):
        try:
            return self.cli("PING") == "PONG"
        except AssertionError:
            return False


class S3(Server):
    """Swift, see s3_server.py; with one bucket."""

    key, secret, region, bucket = "aisha.key", "s3cret/+%=", "eu-test-1", "aisha-tests"
    running, buckets = None, 0

    def __init__(self):
        super().__init__()
        while not self.is_free():
            self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = self.url_of(self.bucket)

    @classmethod
    def shared(cls):
        """The one of this process, which all its tests use: it takes seconds to start."""
        if not cls.running:
            cls.running = cls().__enter__()
            atexit.register(cls.running.__exit__)
        return cls.running

    def new_bucket(self):
        S3.buckets += 1
        name = f"{self.bucket}-{S3.buckets}"
        assert self.call("PUT", "/" + name)[0] == 200
        return name

    def url_of(self, bucket, host=None):
        return (f"s3+http://{self.key}:{urllib.parse.quote(self.secret, safe='')}@{host or self.host}/{bucket}"
                f"?region={self.region}")

    def is_free(self):
        """Its four servers have one number at four addresses."""
        with contextlib.ExitStack() as stack:
            try:
                for number in range(1, 5):
                    stack.enter_context(socket.create_server((f"127.0.0.{number}", self.port)))
                return True
            except OSError:
                return False

    def command(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "s3_server.py")
        return ["/usr/bin/python3", script, self.folder, str(self.port), self.key, self.secret, self.region]

    def answers(self):
        """When the bucket is there, everything is."""
        try:
            return self.call("PUT", "/" + self.bucket)[0] in (200, 409)
        except OSError:
            return False

    def stop(self, number=signal.SIGKILL):
        """All of its processes at once."""
        super().stop(number)

    def call(self, method, path, query="", body=b""):
        status, answer = self.fetch(method, path, query, body)
        return status, answer.decode()

    def fetch(self, method, path, query="", body=b""):
        """A signed request; the query is sorted and encoded. Status and body."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        names = "host;x-amz-content-sha256;x-amz-date"
        request = "\n".join([method, path, query, f"host:{self.host}", f"x-amz-content-sha256:{digest}",
                             f"x-amz-date:{now}", "", names, digest])
        signature = ("AWS4" + self.secret).encode()
        for text in (*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", now, scope,
                                                   hashlib.sha256(request.encode()).hexdigest()])):
            signature = hmac.digest(signature, text.encode(), "sha256")
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            connection.request(method, path + ("?" + query if query else ""), body, {
                "x-amz-date": now, "x-amz-content-sha256": digest, "Authorization":
                f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature.hex()}"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def keys(self, bucket=bucket):
        return re.findall("<Key>([^<]*)</Key>", self.call("GET", "/" + bucket, "list-type=2")[1])

    def uploads(self, bucket=bucket):
        """Keys of uploads in parts that are not finished."""
        return re.findall("<Key>([^<]*)</Key>", self.call("GET", "/" + bucket, "uploads=")[1])


SERVERS = {"postgres": Postgres, "redis": Redis, "s3": S3}


def main(arguments):
    if "--" not in arguments or not arguments[arguments.index("--") + 1:]:
        sys.exit(__doc__)
    names, command = arguments[:arguments.index("--")], arguments[arguments.index("--") + 1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with contextlib.ExitStack() as stack:
        env = dict(os.environ)
        for name in names:
            env["AISHA_TEST_" + name.upper()] = stack.enter_context(SERVERS[name]()).url
        return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
