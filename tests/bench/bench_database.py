"""Commits a second by the host's store code: PostgreSQL beside pgbench with the same SQL, SQLite grouped and not."""
import json
import os
import subprocess
import sys
import tempfile

from harness import BUILD, ROOT, built, options, say, spread, table

sys.path.insert(0, os.path.join(ROOT, "tests/tools"))
from servers import Postgres, program  # noqa: E402

CONNECTIONS = 4  # that the host shares among its tasks
TASKS = 64
SCRIPT = """\\set person random(1, 1000)
\\set number random(1, 9000000000000000)
\\startpipeline
INSERT INTO done_updates (bot_id, first_id, update_id) VALUES (2, :number, :number);
UPDATE bench_counters SET value = value + 1 WHERE user_id = :person;
\\endpipeline
"""


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def host(url, tasks, units):
    """Units a second."""
    result = json.loads(run([built("tests/bench/database"), url, str(tasks), str(units)]))
    return result["units"] / result["seconds"]


def pgbench(server, script, units):
    """Transactions a second, with each prepared and sent as one pipeline, as the host does."""
    out = run([program("pgbench", server.bin), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1",
               "-t", str(units // CONNECTIONS), "-f", script, server.url])
    return next(float(line.split()[2]) for line in out.splitlines() if line.startswith("tps"))


def on_postgres(units, folder, durable):
    """One round: the host, then pgbench on what it has made."""
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    with Postgres(durable) as server:
        ours = host(server.url, TASKS, units)
        return ours, pgbench(server, script, units)


def on_sqlite(units, folder, number):
    path = os.path.join(folder, f"sqlite-{number}")
    return host(f"sqlite:{path}-grouped", TASKS, units), host(f"sqlite:{path}-single", 1, units // 8)


def figures(pairs):
    """Of both, and of the ratios within a round: the median, and the lowest and the highest."""
    ours, theirs = zip(*pairs)
    return (spread(ours, 0), spread(theirs, 0), spread([a / b for a, b in pairs], 2))


def main():
    chosen = options(__doc__, rounds=5)
    units = 400 if chosen.short else 8000
    postgres, unsafe, sqlite = [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
        for number in range(chosen.rounds):
            say(f"round {number + 1} of {chosen.rounds}")
            postgres.append(on_postgres(units, folder, True))
            unsafe.append(on_postgres(units, folder, False))
            sqlite.append(on_sqlite(units, folder, number))
    say("")
    table(f"A dialogue asked for, and a commit; medians of {chosen.rounds} interleaved rounds",
          ["database", "beside", "the host, a second", "the other, a second", "ratio"],
          [["PostgreSQL", f"pgbench, the same SQL, {CONNECTIONS} connections each", *figures(postgres)],
           ["PostgreSQL, fsync=off", "the same: what it takes without the disk", *figures(unsafe)],
           ["SQLite", f"{TASKS} tasks beside one: commits grouped and not", *figures(sqlite)]])


if __name__ == "__main__":
    main()
