"""A private S3 server for tests: OpenStack Swift with its S3 interface, from Debian's python3-swift.

    s3_server.py FOLDER PORT ACCESS_KEY SECRET_KEY REGION

Runs until it is killed. S3 is served on 127.0.0.1:PORT; Swift's account, container and object servers have the same
port of 127.0.0.2, .3 and .4. Everything is kept in FOLDER, whose file system needs user extended attributes. The four
are forked from one process that has loaded Swift once, and die with it.
"""
import ctypes
import os
import signal
import sys
import time

FOLDER, PORT, ACCESS_KEY, SECRET_KEY, REGION = sys.argv[1:6]
ETC, DATA = os.path.join(FOLDER, "etc"), os.path.join(FOLDER, "data")
BACK = {"account": "127.0.0.2", "container": "127.0.0.3", "object": "127.0.0.4"}
FRONT = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "s3api", "tempauth", "copy", "slo", "dlo",
         "versioned_writes")
PR_SET_PDEATHSIG = 1

os.makedirs(ETC, exist_ok=True)
os.makedirs(os.path.join(DATA, "d1"), exist_ok=True)
try:
    os.setxattr(DATA, "user.test", b"1")
except OSError as error:
    sys.exit(f"{FOLDER}: Swift needs a file system with user extended attributes: {error}")
with open(os.path.join(ETC, "swift.conf"), "w", encoding="utf-8") as conf:
    conf.write("[swift-hash]\nswift_hash_path_suffix = tests\n")  # where data lies depends on it

from swift.common import utils  # noqa: E402

utils.set_swift_dir(ETC)
utils.eventlet_monkey_patch()
import swift.account.server  # noqa: E402,F401
import swift.container.server  # noqa: E402,F401
import swift.obj.server  # noqa: E402
import swift.proxy.server  # noqa: E402,F401
from swift.common.middleware import tempauth  # noqa: E402
from swift.common.middleware.s3api.s3response import AccessDenied  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import run_wsgi  # noqa: E402


class Cache:
    """What Swift wants of memcached, within the one process that asks."""

    def __init__(self):
        self.items = {}

    def get(self, key, **_):
        until, value = self.items.get(key, (0, None))
        return value if until > time.time() else None

    def set(self, key, value, **options):
        self.items[key] = (time.time() + (options.get("time") or 60), value)

    def delete(self, key, **_):
        self.items.pop(key, None)


class Auth(tempauth.TempAuth):
    """The one user, whose name has no colon as Swift's have, and S3's answer to who does not sign."""

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.cache = Cache()
        self.users[ACCESS_KEY] = {"key": SECRET_KEY, "groups": [".admin"], "url": "$HOST/v1/AUTH_tests"}

    def __call__(self, env, start_response):
        env["swift.cache"] = self.cache
        if env["PATH_INFO"] == "/healthcheck" or "s3api.auth_details" in env or env.get("swift.authorize_override"):
            return super().__call__(env, start_response)
        return AccessDenied()(env, start_response)


def write_conf(name, address, filters):
    """The waits are long: a busy machine is no reason for another answer."""
    lines = ["[DEFAULT]", f"bind_ip = {address}", f"bind_port = {PORT}", "workers = 0", f"swift_dir = {ETC}",
             f"devices = {DATA}", "mount_check = false", "fallocate_reserve = 0", "conn_timeout = 10",
             "node_timeout = 60", "container_update_timeout = 60", "error_suppression_limit = 1000000",
             "account_autocreate = true", f"location = {REGION}", "disable_fallocate = true", "log_level = ERROR",
             "[pipeline:main]", f"pipeline = {' '.join(filters)} {name}-server",
             f"[app:{name}-server]", f"use = egg:swift#{name}"]
    for filter_name in filters:
        lines += [f"[filter:{filter_name}]", f"use = egg:swift#{filter_name}"]
    path = os.path.join(ETC, name + ".conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def write_ring(name, address):
    """One copy on the one disk."""
    ring = RingBuilder(4, 1, 0)
    ring.add_dev({"region": 1, "zone": 1, "weight": 1.0, "device": "d1", "meta": "", "ip": address, "port": int(PORT),
                  "replication_ip": address, "replication_port": int(PORT)})
    ring.rebalance()
    ring.get_ring().save(os.path.join(ETC, name + ".ring.gz"))


def serve(name, path):
    parent = os.getpid()
    if os.fork():
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    more = {"global_conf_callback": swift.obj.server.global_conf_callback} if name == "object" else {}
    sys.exit(run_wsgi(path, name + "-server", verbose=False, **more))


tempauth.TempAuth = Auth
for server, where in BACK.items():
    write_ring(server, where)
    serve(server, write_conf(server, where, ()))
serve("proxy", write_conf("proxy", "127.0.0.1", FRONT))
signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
sys.exit(f"a server of Swift ended: {os.wait()}")
