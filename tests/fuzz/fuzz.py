#!/usr/bin/python3
"""Builds the fuzz targets with clang's libFuzzer, ASan and UBSan beside the given build, runs each for a while, two at
a time, and prints what they reach: edges, and with a third build lines of the code under test.

    tests/fuzz/fuzz.py BUILD [SECONDS [TARGET...]]

What breaks a target is left in BUILD/fuzz/found; put it into the corpus when it is mended. What libFuzzer has learned
stays in BUILD/fuzz/grown, and the next run goes on from there.
"""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
AT_ONCE = 2
TARGETS = {  # and the code they are for
    "button": ["host/bot/button.c"],
    "call": ["host/telegram/codec_write.c", "host/telegram/codec_read.c"],
    "catalogue": ["host/bot/i18n.c", "host/bot/i18n_load.c"],
    "fal_file": ["plugins/fal/image_header.c", "plugins/fal/weights.c"],
    "fal_reply": ["plugins/fal/reply.c"],
    "fal_webhook": ["plugins/fal/reply.c", "plugins/fal/signature.c"],
    "http": ["host/io/http_server_parse.c"],
    "ini": ["host/bot/ini.c", "host/bot/env.c", "host/bot/config.c", "host/bot/options.c"],
    "redis": ["host/io/redis_codec.c", "host/io/redis_dial.c"],
    "template": ["host/bot/html_printf.c", "host/bot/html.c", "host/bot/split.c"],
    "text": ["host/bot/html.c", "host/bot/split.c", "host/bot/utf8.c"],
    "update": ["host/telegram/codec_read.c", "host/bot/update_kind.c"],
}
STATUS = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+)")
COUNTERS = re.compile(r"\((\d+) inline 8-bit counters\)")


def build(folder, names, *options):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, ROOT, "-Db_lundef=false", *options],
                       env=os.environ | {"CC": "clang"}, stdout=sys.stderr, check=True)
    subprocess.run(["ninja", "-C", folder] + [f"tests/fuzz/fuzz_{name}" for name in names], stdout=sys.stderr,
                   check=True)


class Target:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.corpora = [os.path.join(folder, "fuzz/grown", name), os.path.join(ROOT, "tests/fuzz/corpus", name)]
        self.is_good, self.said = False, "it was not run"

    def fuzz(self, seconds):
        found = os.path.join(self.folder, "fuzz/found", self.name) + os.sep
        for path in (self.corpora[0], found):
            os.makedirs(path, exist_ok=True)
        command = [os.path.join(self.folder, "fuzz/tests/fuzz/fuzz_" + self.name), f"-max_total_time={seconds}",
                   "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}",
                   *self.corpora]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode(errors="replace")
        status, counters = STATUS.search(text), COUNTERS.search(text)
        self.is_good = done.returncode == 0 and status is not None
        if self.is_good:
            self.said = f"{int(status[1]):,} inputs, {status[2]} of {counters[1]} edges, {status[3]} features"
        else:
            self.said = f"status {done.returncode}"
            print(text[-8000:], file=sys.stderr)

    def lines(self):
        """How much of the code it is for all its inputs reach, file by file."""
        program = os.path.join(self.folder, "fuzz-lines/tests/fuzz/fuzz_" + self.name)
        raw = os.path.join(self.folder, "fuzz-lines", self.name + ".profile")
        inputs = [path for corpus in self.corpora for path in glob.glob(corpus + "/*")]
        for start in range(0, len(inputs), 1000):
            subprocess.run([program] + inputs[start:start + 1000], stdout=subprocess.DEVNULL, check=True,
                           env=os.environ | {"LLVM_PROFILE_FILE": f"{raw}.{start}"})
        subprocess.run(["llvm-profdata", "merge", "-o", raw] + glob.glob(raw + ".*"), check=True)
        for part in glob.glob(raw + ".*"):
            os.remove(part)
        report = subprocess.run(["llvm-cov", "export", "-summary-only", program, f"-instr-profile={raw}"],
                                stdout=subprocess.PIPE, check=True).stdout
        for file in json.loads(report)["data"][0]["files"]:
            source, reached = os.path.relpath(file["filename"], ROOT), file["summary"]["lines"]
            if source in TARGETS[self.name]:
                yield f"{reached['covered']} of {reached['count']} lines of {source}"


def main():
    folder = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 900
    names = sys.argv[3:] or list(TARGETS)
    build(os.path.join(folder, "fuzz"), names, "-Dfuzz=true", "-Db_sanitize=address,undefined")
    build(os.path.join(folder, "fuzz-lines"), names, "-Dc_args=-fprofile-instr-generate -fcoverage-mapping",
          "-Dc_link_args=-fprofile-instr-generate")
    targets = [Target(folder, name) for name in names]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda target: target.fuzz(seconds), targets))
    for number, target in enumerate(targets, 1):
        print("ok" if target.is_good else "not ok", number, "-", target.name)
        print(f"# {target.name}: {seconds} s, {target.said}")
        for line in target.lines() if target.is_good else ():
            print(f"# {target.name}: {line}")
    print(f"1..{len(targets)}")
    return 0 if all(target.is_good for target in targets) else 1


sys.exit(main())
