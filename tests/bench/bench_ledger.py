"""Hold and capture, each a transaction, on PostgreSQL: the ledger against pgbench with the same SQL.

pgbench sends the statements of both transactions prepared, one after the other, on as many connections as the host
has for transactions; the ledger's come from more coroutines than that, with a savepoint before each statement, as
all that a plugin does in a transaction. A turn is a hold and its capture: ten statements and two commits that are
flushed to disk.
"""
import os
import subprocess
import sys

from harness import built, options, table

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from servers import Postgres, program  # noqa: E402

BAR = 0.6
CLIENTS, CONNECTIONS = 64, 16
COST = 150

LOCK = """INSERT INTO user_balances (user_id, balance, held, entries, updated_at) VALUES ({user}, 0, 0, 0, 1)
 ON CONFLICT (user_id) DO UPDATE SET updated_at = excluded.updated_at RETURNING balance, held, entries \\gset
SELECT state, title, unit, price, free_units, amount, expires_at FROM holds WHERE user_id = {user} AND id = {id};
"""
ENTRY = """INSERT INTO transactions (user_id, n, op_id, type, from_account, to_account, amount, balance, description,
 created_at) VALUES ({user}, :entries + 1, '{kind}:' || {id}, '{kind}', '{source}', '{target}', {cost},
 :balance + {change}, 'bench', 1) ON CONFLICT (user_id, op_id) DO NOTHING;
UPDATE user_balances SET balance = :balance + {change}, held = :held + {held}, entries = :entries + 1,
 bought = bought + 0, given = given + 0, spent = spent + {spent}, refunded = refunded + 0, revoked = revoked + 0
 WHERE user_id = {user};
"""
SCRIPT = ("\\set q :q + 1\n"
          "BEGIN;\n" + LOCK + ENTRY.format(kind="hold", source="user", target="held", change=-COST, held=COST,
                                           cost=COST, spent=0, user="{user}", id="{id}")
          + "UPDATE holds SET state = 'held', job_id = NULL WHERE user_id = {user} AND id = {id};\nCOMMIT;\n"
          + "BEGIN;\n" + LOCK + ENTRY.format(kind="capture", source="held", target="revenue", change=0, held=-COST,
                                             cost=COST, spent=COST, user="{user}", id="{id}")
          + "UPDATE holds SET state = 'captured', captured = " + str(COST)
          + ", ended_at = 1 WHERE user_id = {user} AND id = {id};\nCOMMIT;\n")


def fill(server, quotes):
    """The tables as their migrations make them, and for everybody credits and quotes."""
    for statement in ("TRUNCATE user_balances, transactions, holds",
                      f"INSERT INTO user_balances SELECT 'user-' || u, 1000000000, 0, 0, 1 "
                      f"FROM generate_series(0, {CLIENTS - 1}) u",
                      "INSERT INTO holds (user_id, id, state, tariff, unit, price, free_units, units, amount, title, "
                      f"plugin, resume, data, created_at, expires_at) SELECT 'user-' || u, q, 'quoted', 'work', "
                      f"'item', {COST}, 0, 1, {COST}, 'bench', '', '', '', 1, 4000000000 "
                      f"FROM generate_series(0, {CLIENTS - 1}) u, generate_series(1, {quotes}) q",
                      "VACUUM ANALYZE"):
        server.sql(statement)


def with_pgbench(server, seconds):
    path = server.path("script.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SCRIPT.format(user="'user-' || CAST(:client_id AS TEXT)", id="CAST(:q AS TEXT)"))
    done = subprocess.run([program("pgbench", server.bin), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2",
                           "-T", str(seconds), "-D", "q=0", "-f", path, server.url], capture_output=True, text=True,
                          check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    assert done.returncode == 0 and found and "failed transactions: 0 " in done.stdout, done.stdout + done.stderr
    return float(found[0].split()[2])


def with_ledger(server, seconds):
    done = subprocess.run([built("tests/bench/ledger"), str(CLIENTS), str(seconds)], capture_output=True, text=True,
                          env=os.environ | {"AISHA_TEST_POSTGRES": server.url}, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def main():
    chosen = options(__doc__.splitlines()[0], rounds=3)
    seconds, quotes = (1, 2000) if chosen.short else (10, 6000)
    rows = []
    with Postgres(durable=True) as server:
        environment = os.environ | {"AISHA_TEST_POSTGRES": server.url}
        subprocess.run([built("tests/bench/ledger"), "0", "0"], env=environment, check=True, capture_output=True)
        for _ in range(chosen.rounds):
            fill(server, quotes)
            other = with_pgbench(server, seconds)
            fill(server, quotes)
            rows.append((other, with_ledger(server, seconds)))
    other, own = (sorted(column)[len(rows) // 2] for column in zip(*rows))
    table(f"Hold and capture on {CONNECTIONS} connections, medians of {chosen.rounds} interleaved runs of {seconds} s",
          ["", "pgbench, 1/s", "the ledger, 1/s", "ledger / pgbench", "bar"],
          [["hold + capture", f"{other:.0f}", f"{own:.0f}", f"{own / other:.2f}", BAR]])


if __name__ == "__main__":
    main()
