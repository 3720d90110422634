"""Client libraries from their registries, for the tests beside this file.

They are installed below the build directory, and again only when what is asked for has changed; nothing is written
into the tree. Who cannot get them fails: a proof that did not run proves nothing.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess

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
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=INSTALL_DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssertionError(f"{' '.join(command)}: {error}") from None
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(command)} failed, and nothing is proved:\n{output[-4000:]}"


def install(name, wanted, commands):
    """Runs the commands in a folder that has copies of the wanted files; the folder."""
    target, stamp = folder(name), folder(name + ".installed")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(folder(name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = contents(wanted)
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as file:
                if file.read() == state:
                    return target
            os.remove(stamp)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for file in wanted:
            shutil.copy(os.path.join(HERE, file), target)
        for command in commands:
            run(command, target)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(state)
    return target


def node_packages():
    """Where the packages of package.json are."""
    return install("node", ["package.json", "package-lock.json", ".npmrc"], [["npm", "ci", "--no-progress"]])


def node(script):
    """The command that runs this script with those packages around it."""
    return ["node", shutil.copy(os.path.join(HERE, script), node_packages())]
