/*
 * Each shared connection is looked after by a task that makes it, waits until it breaks and makes it
 * again. Who needs one while there is none waits for the attempt that is under way.
 */
#include "host/io/postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/slots.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/postgres_connection.h"
#include "host/io/postgres_dial.h"
#include "host/io/postgres_hold.h"
#include "host/io/postgres_listen.h"
#include "host/io/postgres_statement.h"
#include "host/io/sql_log.h"

enum {
    SHARED = 4,     /* writes gain from several: they share a flush of the log, like pgbench -c 4 */
    EXCLUSIVE = 16, /* transactions at once */
    DIALERS = 2,    /* threads */
    FIRST_PAUSE_MS = 100,
    LAST_PAUSE_MS = 5000,
    LONGEST_WAIT_MS = 10000, /* for a connection */
    TX_LIFE_MS = 5000,
    MOST_TRIES = 10, /* of what lost a race */
    RACE_PAUSE_MS = 5,
};

/* A shared connection and its keeper. */
struct line {
    struct postgres *db;
    struct task *keeper;
    struct postgres_connection *connection; /* NULL = none now */
    struct wait *broken;                    /* the keeper's */
};

struct waiter {
    struct wait wait;
    TAILQ_ENTRY(waiter) link;
};

struct postgres {
    struct loop *loop;
    char *url;
    struct workers *dialers;
    struct line lines[SHARED];
    bool is_down; /* the last attempt failed, and no line is up */
    char error[POSTGRES_ERROR_SIZE];
    TAILQ_HEAD(, waiter) waiting; /* for a line */
    struct slots exclusive;
    LIST_HEAD(, postgres_connection) idle; /* exclusive ones that nobody uses */
    struct postgres_listener *listener;
    struct task *listening;
    char name[POSTGRES_NAME_SIZE]; /* of its sessions; "" = the usual one */
    struct postgres_hold *hold;    /* NULL = others may use the database, too */
    struct task *holding;
    bool is_closing; /* the last task to leave frees it */
};

struct postgres_tx {
    struct postgres *db;
    struct postgres_connection *connection;
    struct event *deadline; /* NULL = it may take any time */
    bool is_expired, is_lost, has_savepoint;
};

/* ---- shared connections ---- */

static void wake_waiting(struct postgres *db, int result)
{
    struct waiter *waiter;

    TAILQ_FOREACH(waiter, &db->waiting, link) /* it leaves the list when it runs */
        wait_wake(&waiter->wait, result);
}

/* The line with the least to do, or NULL. */
static struct postgres_connection *best_line(const struct postgres *db)
{
    struct postgres_connection *best = NULL;

    for (size_t i = 0; i < SHARED; i++) {
        struct postgres_connection *connection = db->lines[i].connection;
        if (connection && !connection->is_broken && (!best || connection->pending < best->pending))
            best = connection;
    }
    return best;
}

static void on_line_broken(struct postgres_connection *connection, void *user)
{
    struct line *line = user;

    (void)connection;
    if (line->broken)
        wait_wake(line->broken, 0);
}

static AISHA_ASYNC int connect_line(struct line *line)
{
    struct postgres *db = line->db;
    PGconn *pq = NULL;

    int r = postgres_dial(db->dialers, db->url, db->name, &pq, db->error);
    if (r == 0)
        r = postgres_connection_new(&line->connection, db->loop, pq);
    if (r < 0 && !best_line(db)) {
        if (!db->is_down)
            log_error("db", "PostgreSQL cannot be reached: %s; trying again", db->error);
        db->is_down = true;
        wake_waiting(db, -AISHA_E_UNAVAILABLE);
    }
    if (r < 0)
        return r;
    line->connection->broken = on_line_broken;
    line->connection->user = line;
    if (db->is_down)
        log_info("db", "PostgreSQL is back");
    db->is_down = false;
    wake_waiting(db, 0);
    return 0;
}

/* Until it breaks; negative when the task is cancelled. */
static AISHA_ASYNC int watch_line(struct line *line)
{
    struct wait broken;

    wait_init(&broken, line->db->loop);
    line->broken = &broken;
    int r = wait_for(&broken, WAIT_FOREVER);
    line->broken = NULL;
    if (r < 0)
        return r; /* the end: what runs still uses it */
    postgres_connection_free(line->connection);
    line->connection = NULL;
    return 0;
}

static AISHA_ASYNC void keep_line(struct line *line)
{
    int64_t pause_ms = FIRST_PAUSE_MS;

    for (;;) {
        if (connect_line(line) == 0) {
            pause_ms = FIRST_PAUSE_MS;
            if (watch_line(line) < 0)
                return;
        } else {
            pause_ms = 2 * pause_ms < LAST_PAUSE_MS ? 2 * pause_ms : LAST_PAUSE_MS;
        }
        if (wait_sleep(line->db->loop, pause_ms) < 0)
            return;
    }
}

static AISHA_ASYNC int take_line(struct postgres *db, struct postgres_connection **ret_connection)
{
    struct waiter waiter;

    *ret_connection = best_line(db);
    if (*ret_connection && postgres_hold_is_held(db->hold))
        return 0;
    if (postgres_is_away(db) || loop_is_stopping(db->loop))
        return -AISHA_E_UNAVAILABLE;
    wait_init(&waiter.wait, db->loop);
    TAILQ_INSERT_TAIL(&db->waiting, &waiter, link);
    int r = wait_for(&waiter.wait, LONGEST_WAIT_MS);
    TAILQ_REMOVE(&db->waiting, &waiter, link);
    if (r < 0)
        return r == -AISHA_E_CANCELED ? r : -AISHA_E_UNAVAILABLE;
    *ret_connection = best_line(db);
    return *ret_connection ? 0 : -AISHA_E_UNAVAILABLE;
}

/* ---- life ---- */

static void destroy(struct postgres *db)
{
    postgres_listener_free(db->listener);
    postgres_hold_free(db->hold);
    for (struct postgres_connection *connection; (connection = LIST_FIRST(&db->idle));) {
        LIST_REMOVE(connection, link);
        postgres_connection_free(connection);
    }
    for (size_t i = 0; i < SHARED; i++)
        postgres_connection_free(db->lines[i].connection);
    workers_free(db->dialers);
    free(db->url);
    free(db);
}

static bool has_tasks(const struct postgres *db)
{
    bool has = db->listening || db->holding;

    for (size_t i = 0; i < SHARED; i++)
        has = has || db->lines[i].keeper;
    return has;
}

static void task_left(struct postgres *db)
{
    if (db->is_closing && !has_tasks(db))
        destroy(db);
}

static AISHA_ASYNC void run_keeper(void *arg)
{
    struct line *line = arg;

    keep_line(line);
    line->keeper = NULL;
    task_left(line->db);
}

static AISHA_ASYNC void run_listener(void *arg)
{
    struct postgres *db = arg;

    postgres_listener_run(db->listener);
    db->listening = NULL;
    task_left(db);
}

static AISHA_ASYNC void run_hold(void *arg)
{
    struct postgres *db = arg;

    postgres_hold_run(db->hold);
    db->holding = NULL;
    task_left(db);
}

int postgres_open(struct postgres **ret_db, struct loop *loop, const char *url, struct arena *arena,
                  const char **ret_error)
{
    *ret_error = postgres_url_error(arena, url);
    if (*ret_error)
        return -AISHA_E_INVALID;
    *ret_error = "out of memory";
    struct postgres *db = calloc(1, sizeof *db);
    if (!db)
        return -ENOMEM;
    db->loop = loop;
    db->url = strdup(url);
    TAILQ_INIT(&db->waiting);
    LIST_INIT(&db->idle);
    slots_init(&db->exclusive, loop, EXCLUSIVE);
    int r = db->url ? workers_new(&db->dialers, loop, DIALERS) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < SHARED; i++) {
        db->lines[i].db = db;
        r = task_start(loop, "postgres", run_keeper, &db->lines[i], &db->lines[i].keeper);
    }
    if (r < 0) {
        postgres_close(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

void postgres_close(struct postgres *db)
{
    if (!db)
        return;
    db->is_closing = true;
    for (size_t i = 0; i < SHARED; i++)
        if (db->lines[i].keeper)
            task_cancel(db->lines[i].keeper);
    if (db->listening)
        task_cancel(db->listening);
    if (db->holding)
        task_cancel(db->holding);
    task_left(db);
}

const char *postgres_last_error(const struct postgres *db)
{
    return !postgres_hold_is_held(db->hold) ? postgres_hold_error(db->hold) : db->error;
}

bool postgres_is_away(const struct postgres *db)
{
    return db->is_down || !postgres_hold_is_held(db->hold);
}

int postgres_hold(struct postgres *db, void (*taken)(const char *who, void *user), void *user)
{
    postgres_hold_name(db->name);
    int r = postgres_hold_new(&db->hold, db->loop, db->dialers, db->url, db->name, taken, user);
    if (r == 0)
        r = task_start(db->loop, "postgres hold", run_hold, db, &db->holding);
    return r < 0 ? r : postgres_hold_wait(db->hold);
}

int postgres_listen(struct postgres *db, const char *channel,
                    void (*notified)(const char *payload, void *user), void *user)
{
    int r = postgres_listener_new(&db->listener, db->loop, db->dialers, db->url, db->name, channel,
                                  notified, user);
    if (r == 0)
        r = task_start(db->loop, "postgres listener", run_listener, db, &db->listening);
    return r;
}

/* ---- statements ---- */

/* Some milliseconds, different for everybody who met in the race, longer each time. */
static AISHA_ASYNC int step_aside(struct postgres *db, unsigned tries)
{
    return wait_sleep(db->loop, 1 + random() % ((int64_t)RACE_PAUSE_MS << tries));
}

int postgres_batch(struct postgres *db, struct arena *arena,
                   const struct aisha_statement *statements, size_t count,
                   const struct aisha_rows **ret_rows)
{
    struct postgres_request request = {
        .arena = arena, .statements = statements, .count = count, .ret_rows = ret_rows};
    struct postgres_connection *connection;

    int r = postgres_check(sql_log_who(db->loop), statements, count);
    for (unsigned tries = 1; r == 0; tries++) {
        r = take_line(db, &connection);
        if (r == 0)
            r = postgres_connection_run(connection, &request);
        bool may_repeat = r < 0 && tries < MOST_TRIES && (request.is_lost_race || request.is_stale);
        if (!may_repeat)
            return r;
        r = request.is_lost_race ? step_aside(db, tries) : 0;
    }
    return r;
}

int postgres_query(struct postgres *db, struct arena *arena,
                   const struct aisha_statement *statement, const struct aisha_rows **ret_rows)
{
    bool may_repeat = postgres_is_read_only(statement->sql);

    int r = postgres_batch(db, arena, statement, 1, ret_rows);
    /* What only reads is asked again when a connection broke under it; all may have at once. */
    for (int i = 0; i < SHARED && r == -AISHA_E_UNAVAILABLE && may_repeat && !db->is_down; i++)
        r = postgres_batch(db, arena, statement, 1, ret_rows);
    return r;
}

/* ---- transactions ---- */

/* A statement of our own, without a result. */
static AISHA_ASYNC int run_own(struct postgres_connection *connection, const char *sql)
{
    const struct aisha_statement statement = {.sql = sql};
    struct arena arena = {0};
    struct postgres_request request = {.arena = &arena, .statements = &statement, .count = 1};

    int r = postgres_connection_run(connection, &request);
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int new_exclusive(struct postgres *db,
                                     struct postgres_connection **ret_connection)
{
    PGconn *pq;

    int r = postgres_dial(db->dialers, db->url, db->name, &pq, db->error);
    if (r == 0)
        r = postgres_connection_new(ret_connection, db->loop, pq);
    return r < 0 ? -AISHA_E_UNAVAILABLE : 0;
}

/* A connection on which a transaction has begun. One that has lain idle may have died meanwhile. */
static AISHA_ASYNC int begin_on_some(struct postgres *db,
                                     struct postgres_connection **ret_connection)
{
    struct postgres_connection *connection;

    while ((connection = LIST_FIRST(&db->idle))) {
        LIST_REMOVE(connection, link);
        if (!connection->is_broken && run_own(connection, "BEGIN") == 0) {
            *ret_connection = connection;
            return 0;
        }
        postgres_connection_free(connection);
    }
    int r = new_exclusive(db, &connection);
    if (r < 0)
        return r;
    r = run_own(connection, "BEGIN");
    if (r < 0) {
        postgres_connection_free(connection);
        return r;
    }
    *ret_connection = connection;
    return 0;
}

struct cancelling {
    struct workers *dialers;
    PGcancel *cancel;
};

static AISHA_ASYNC void cancel_run(void *arg)
{
    struct cancelling *cancelling = arg;

    postgres_cancel(cancelling->dialers, cancelling->cancel);
    free(cancelling);
}

static void cancel_later(struct postgres *db, struct postgres_connection *connection)
{
    struct cancelling *cancelling = calloc(1, sizeof *cancelling);

    if (!cancelling)
        abort();
    *cancelling =
        (struct cancelling){.dialers = db->dialers, .cancel = PQgetCancel(connection->pq)};
    if (cancelling->cancel &&
        task_start(db->loop, "postgres cancel", cancel_run, cancelling, NULL) == 0)
        return;
    PQfreeCancel(cancelling->cancel);
    free(cancelling);
}

static void on_tx_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct postgres_tx *tx = arg;

    (void)fd, (void)what;
    tx->is_expired = true;
    if (tx->connection->pending > 0)
        cancel_later(tx->db, tx->connection);
    postgres_connection_break(tx->connection, "a transaction was open for over 5 s; rolled back");
}

static AISHA_ASYNC int begin(struct postgres *db, bool is_patient, struct postgres_tx **ret_tx)
{
    const struct timeval life = {.tv_sec = TX_LIFE_MS / 1000};
    struct postgres_tx *tx = calloc(1, sizeof *tx);

    if (!tx)
        return -ENOMEM;
    tx->db = db;
    int r = !postgres_hold_is_held(db->hold) ? -AISHA_E_UNAVAILABLE
                                             : slots_take(&db->exclusive, LONGEST_WAIT_MS);
    if (r == 0) {
        r = begin_on_some(db, &tx->connection);
        if (r < 0)
            slots_give(&db->exclusive);
    }
    if (r < 0) {
        free(tx);
        return r == -AISHA_E_TIMEOUT ? -AISHA_E_UNAVAILABLE : r;
    }
    if (!is_patient) {
        tx->deadline = evtimer_new(loop_base(db->loop), on_tx_deadline, tx);
        if (!tx->deadline)
            abort();
        evtimer_add(tx->deadline, &life);
    }
    *ret_tx = tx;
    return 0;
}

int postgres_begin(struct postgres *db, struct postgres_tx **ret_tx)
{
    return begin(db, false, ret_tx);
}

static void tx_free(struct postgres_tx *tx)
{
    struct postgres *db = tx->db;

    if (tx->deadline)
        event_free(tx->deadline);
    if (!tx->connection->is_broken && PQtransactionStatus(tx->connection->pq) == PQTRANS_IDLE)
        LIST_INSERT_HEAD(&db->idle, tx->connection, link);
    else
        postgres_connection_free(tx->connection);
    slots_give(&db->exclusive);
    free(tx);
}

static int over(const struct postgres_tx *tx)
{
    if (tx->is_expired)
        return -AISHA_E_TIMEOUT;
    return tx->is_lost || tx->connection->is_broken ? -AISHA_E_UNAVAILABLE : 0;
}

/* Each statement has a savepoint before it, which the next one releases: so also what fails only here,
 * by the size of its result, can be undone. */
int postgres_tx_run(struct postgres_tx *tx, struct arena *arena,
                    const struct aisha_statement *statement, const struct aisha_rows **ret_rows)
{
    const struct aisha_statement statements[] = {
        {.sql = "RELEASE SAVEPOINT unit"}, {.sql = "SAVEPOINT unit"}, *statement};
    const struct aisha_rows *rows[3];
    size_t skipped = tx->has_savepoint ? 0 : 1;
    struct postgres_request request = {.arena = arena,
                                       .statements = statements + skipped,
                                       .count = 3 - skipped,
                                       .ret_rows = rows + skipped};

    int r = over(tx);
    if (r == 0)
        r = postgres_check(sql_log_who(tx->db->loop), statement, 1);
    if (r < 0)
        return r;
    r = postgres_connection_run(tx->connection, &request);
    if (r == 0) {
        tx->has_savepoint = true;
        if (ret_rows)
            *ret_rows = rows[2];
        return 0;
    }
    if (request.is_sent) { /* else the savepoint is still the one of the statement before */
        tx->has_savepoint = run_own(tx->connection, "ROLLBACK TO SAVEPOINT unit") == 0;
        tx->is_lost = !tx->has_savepoint || request.is_lost_race;
    }
    return over(tx) < 0 ? over(tx) : r;
}

int postgres_commit(struct postgres_tx *tx)
{
    int r = over(tx);

    if (tx->deadline)
        event_del(tx->deadline); /* what is being committed is not late any more */
    if (r == 0)
        r = run_own(tx->connection, "COMMIT");
    else if (!tx->connection->is_broken)
        aisha_ignore(run_own(tx->connection, "ROLLBACK"));
    tx_free(tx);
    return r;
}

void postgres_rollback(struct postgres_tx *tx)
{
    if (!tx->connection->is_broken)
        aisha_ignore(run_own(tx->connection, "ROLLBACK"));
    tx_free(tx);
}

/* ---- migrations ---- */

/* "aisha" as a number: held by one transaction at a time in all of the database. */
#define LOCK_SCRIPTS "SELECT pg_advisory_xact_lock(418564172897)"

static AISHA_ASYNC int run_patiently(struct postgres_tx *tx, struct postgres_request request)
{
    request.is_patient = true;
    int r = over(tx);
    if (r == 0)
        r = postgres_connection_run(tx->connection, &request);
    if (r == 0 && PQtransactionStatus(tx->connection->pq) != PQTRANS_INTRANS) {
        sql_log(request.who, request.script ? request.script : "",
                "COMMIT and ROLLBACK are the host's: a script runs in a transaction already");
        r = -AISHA_E_INVALID;
    }
    return r;
}

int postgres_run_script(struct postgres *db, struct arena *arena, const char *script,
                        const struct aisha_statement *statements, size_t count)
{
    const struct aisha_statement first[] = {{.sql = "SET LOCAL statement_timeout = 0"},
                                            {.sql = LOCK_SCRIPTS}};
    struct postgres_tx *tx;

    int r = begin(db, true, &tx);
    if (r < 0)
        return r;
    r = run_patiently(tx,
                      (struct postgres_request){.arena = arena, .statements = first, .count = 2});
    if (r == 0 && count > 0)
        r = run_patiently(tx, (struct postgres_request){
                                  .arena = arena, .statements = statements, .count = count});
    if (r == 0)
        r = run_patiently(tx, (struct postgres_request){.arena = arena, .script = script});
    if (r == 0)
        return postgres_commit(tx);
    postgres_rollback(tx);
    return r;
}
