"""Checks the house rules and prints TAP: lint.py [DIRECTORY]

One test per rule; what breaks it is listed below it as path:line: what. The rules look at the text, not at
its meaning; they count on the layout clang-format gives (a function's braces stand in the first column).
"""
import os
import re
import subprocess
import sys

MAX_FUNCTION, MAX_FILE, MAX_HEADER, MAX_LINE = 60, 600, 250, 120

BANNED = "strcpy strcat sprintf vsprintf gets strtok atoi atol atof rand system popen alloca setjmp longjmp".split()
LIBC = set("""assert ctype errno float inttypes limits math stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib
    stdnoreturn string strings time sys/types""".split())
LAYERS = {"core": 0, "io": 1, "store": 2, "telegram": 2, "bot": 3}
SANDBOX_MAY_USE = {"aisha/base.h", "aisha/error.h", "aisha/log.h"}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
NOTE = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
OUTSIDE = re.compile(r"(?<![\w.~])/(?:work|home|root)/\w|\b(?:deb|security|ftp)\.debian\.org|\bpypi\.org|\bnpmjs\.org"
                     r"|\bproxy\.golang\.org|\bcrates\.io")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text):
    """The text without comments and the insides of literals, with its lines where they were."""
    def blank(match):
        found = match[0]
        return found[0] + found[-1] if found[0] in "\"'" else "\n" * found.count("\n") or " "

    return COMMENT.sub(blank, text)


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = {}
        for path in self.paths():
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    self.files[path] = file.read()
            except (UnicodeDecodeError, FileNotFoundError):
                continue  # binary, or deleted but not yet committed so
        self.code = {path: code_only(text) for path, text in self.files.items() if path.endswith((".c", ".h"))}

    def paths(self):
        """What git knows or would add; in a copy without git, everything but the hidden and the built."""
        if os.path.exists(os.path.join(self.root, ".git")):
            git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            out = subprocess.run(git, cwd=self.root, check=True, capture_output=True, text=True).stdout
            return sorted(path for path in set(out.split("\0")) if path)
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if not f.startswith((".", "build", "__pycache__")) and f != "var"]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return sorted(found)

    def shipped_code(self):
        return {path: text for path, text in self.code.items() if not path.startswith("tests/")}

    def functions(self):
        """(path, line, head, body) of every function, tests included."""
        for path, text in self.code.items():
            lines = text.splitlines()
            start = None
            for number, line in enumerate(lines):
                if line == "{":
                    start = number
                elif line == "}" and start is not None:
                    first = start
                    while first > 0 and lines[first - 1].strip() and lines[first - 1][0] not in "}#":
                        first -= 1
                    yield path, first + 1, " ".join(lines[first:start]), lines[start:number + 1]
                    start = None

    def statics(self, path):
        """The names of a file's own functions."""
        return re.findall(r"^static [^=;{}()]*?(\w+)\(", self.code[path], re.MULTILINE)

    def includes(self):
        for path, text in self.files.items():
            if path.endswith((".c", ".h")):
                for number, line in enumerate(text.splitlines(), 1):
                    if match := INCLUDE.match(line):
                        yield path, number, match[1] == '"', match[2]


def function_length(tree):
    every = list(tree.functions())
    long = [f for f in every if len(f[3]) > MAX_FUNCTION]
    for path, line, _, body in long if len(long) * 10 > len(every) else []:
        yield f"{path}:{line}: a function of {len(body)} lines; at most one in ten may exceed {MAX_FUNCTION}"


def file_length(tree):
    for path in tree.code:
        limit = MAX_HEADER if path.endswith(".h") else MAX_FILE
        count = tree.files[path].count("\n")
        if count > limit:
            yield f"{path}:{limit}: {count} lines, at most {limit}"


def refuse_include(path, is_local, name):
    """Why this file may not include that, or nothing."""
    part = path.split("/")
    own = name if "/" not in name else None  # "x.h" is the neighbour in the same directory
    if ".." in name.split("/"):
        return "climbs out of its directory"
    if path.startswith("sdk/include/"):
        ok = not is_local and (name.startswith("aisha/") or name.removesuffix(".h") in LIBC)
        return None if ok else "SDK headers need nothing but libc and aisha/"
    if path.startswith("sdk/sandbox/"):
        if not is_local and name.startswith("aisha/") and name not in SANDBOX_MAY_USE:
            return "the sandbox does not share our reading of the protocol"
        if is_local and not own and not name.startswith(("host/core/", "host/io/", "sdk/sandbox/")):
            return "the sandbox may use host/core and host/io only"
    elif part[0] == "plugins" or path.startswith(("sdk/examples/", "sdk/template/")):
        elsewhere = is_local and not own and not name.startswith("/".join(part[:2]) + "/")
        if elsewhere or not is_local and name.startswith(("host/", "sdk/", "plugins/")):
            return "a plugin uses <aisha/...>, its own directory and its own libraries"
    elif part[0] == "host":
        return refuse_host_include(part, name)
    return None


def refuse_host_include(part, name):
    target = name.split("/")
    if target[0] in ("plugins", "tests") or name.startswith("sdk/sandbox/"):
        return f"the host does not know {target[0]}"
    if target[0] != "host" or len(part) < 3:
        return None  # foreign, its own neighbour, or included by main.c and its like, which may use everything
    if len(target) < 3:
        return "nothing uses the top of the host"
    mine, theirs = part[1], target[1]
    if mine not in LAYERS or theirs not in LAYERS:
        return f"no layer is known for host/{mine if mine not in LAYERS else theirs}"
    if mine != theirs and LAYERS[theirs] >= LAYERS[mine]:
        return f"host/{mine} may not use host/{theirs}"
    return None


def layering(tree):
    for path, number, is_local, name in tree.includes():
        if why := refuse_include(path, is_local, name):
            yield f"{path}:{number}: includes {name}: {why}"


def banned_calls(tree):
    for path, text in tree.shipped_code().items():
        for number, line in enumerate(text.splitlines(), 1):
            if match := CALL.search(line):
                yield f"{path}:{number}: calls {match[1]}"


def async_marks(tree):
    """Who calls what can suspend, can suspend: it says so in its head or its prototype."""
    mark = re.compile(r"^(static )?(?:[\w]+ )*AISHA_ASYNC\b[^;{}()]*?(\w+)\(", re.MULTILINE)
    marks = {path: mark.findall(text) for path, text in tree.shipped_code().items()}
    public = {name for found in marks.values() for static, name in found if not static}
    for path, line, head, body in tree.functions():
        name = re.search(r"(\w+)\s*\(", head)
        known = public - set(tree.statics(path)) | {name for static, name in marks.get(path, []) if static}
        if path.startswith("tests/") or not name or name[1] in known or not known:
            continue
        if match := re.search(r"(?<![\w.>])(" + "|".join(sorted(known)) + r")\s*\(", "\n".join(body)):
            yield f"{path}:{line}: {name[1]} calls {match[1]} without being AISHA_ASYNC"


def layout(tree):
    for path, text in tree.files.items():
        if path.endswith(".json") or "/corpus/" in path:
            continue  # data, as it came
        limited = path.endswith((".c", ".h", ".py", ".sh", ".js", ".css", "meson.build")) or text.startswith("#!")
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                yield f"{path}:{number}: tab"
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end"
            if limited and len(line) > MAX_LINE:
                yield f"{path}:{number}: {len(line)} characters, at most {MAX_LINE}"
        if text and not text.endswith("\n"):
            yield f"{path}:{text.count(chr(10)) + 1}: no newline at the end of the file"


def leftovers(tree):
    for path, text in tree.files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if match := NOTE.search(line):
                yield f"{path}:{number}: {match[0]}"
            if match := OUTSIDE.search(line):
                yield f"{path}:{number}: names a place outside the tree: {match[0]}"


RULES = {
    "functions are short": function_length,
    "files are short": file_length,
    "includes go downward only": layering,
    "banned functions are not called": banned_calls,
    "functions that can suspend say so": async_marks,
    "lines are clean": layout,
    "nothing is left over": leftovers,
}


def main():
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    failed = 0
    for number, (name, rule) in enumerate(RULES.items(), 1):
        problems = list(rule(tree))
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
    print(f"1..{len(RULES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
