"""Client libraries from their registries, for the tests beside this file.

They are installed below the build directory, and again only when what is asked for has changed; nothing is written
into the tree. Who cannot get them fails: a proof that did not run proves nothing.
"""
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys

from stack import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALL_DEADLINE = 900  # seconds; a slow registry is not a broken one


def folder(name):
    return os.path.join(BUILD, "compat", name)


def contents(names):
    digest = hashlib.sha256()
    for name in names:
        with open(os.path.join(HERE, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def run(command, cwd):
    """None, or why it failed."""
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=INSTALL_DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)}: {error}"
    output = done.stdout.decode(errors="replace")
    return f"{' '.join(command)} failed:\n{output[-4000:]}" if done.returncode else None


@functools.cache
def problem(name, wanted, commands):
    """Runs the commands in a folder that has copies of the wanted files, once; None, or why that failed."""
    target, stamp = folder(name), folder(name + ".installed")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(folder(name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = contents(wanted)
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as file:
                if file.read() == state:
                    return None
            os.remove(stamp)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for file in wanted:
            shutil.copy(os.path.join(HERE, file), target)
        for command in commands:
            if failure := run(command, target):
                return failure
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(state)
    return None


def command_of(name, wanted, commands, interpreter, script):
    """The command that runs this script beside its packages."""
    failure = problem(name, wanted, commands)
    assert not failure, f"nothing is proved: {failure}"
    return [interpreter, shutil.copy(os.path.join(HERE, script), folder(name))]


def node(script):
    return command_of("node", ("package.json", "package-lock.json", ".npmrc"), (("npm", "ci", "--no-progress"),),
                      "node", script)


def python(script):
    packages = folder("python/packages")
    install = (packages + "/bin/pip", "install", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt")
    return command_of("python", ("requirements.txt",), ((sys.executable, "-m", "venv", packages), install),
                      packages + "/bin/python", script)
