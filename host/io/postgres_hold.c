#include "host/io/postgres_hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/postgres_dial.h"

#define LOCK "1634300776" /* a number of ours; advisory locks are the database's */
#define PREFIX "aisha host "

/* The server looks after the session sooner than its system would: the machine may be gone. */
#define KEEP_ALIVE                                                                                 \
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"

#define TRY "SELECT pg_try_advisory_lock(" LOCK ")"

#define WHO                                                                                        \
    "SELECT coalesce(application_name, '?') || ' from ' || coalesce(host(client_addr), 'here')"    \
    " || ', since ' || to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS'), a.pid"                     \
    " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory'"      \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"           \
    " AND l.classid = 0 AND l.objid = " LOCK " AND l.objsubid = 1 AND l.granted LIMIT 1"

/* Those of hosts that no longer have the lock; waits until each has gone. */
#define FENCE                                                                                      \
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"                                 \
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"   \
    " AND application_name LIKE '" PREFIX "%' AND application_name <> $1"

enum {
    PATIENCE_MS = 5000, /* with another host that is just ending */
    RETRY_MS = 250,
    LAST_PAUSE_MS = 2000,
    PING_MS = 2000, /* an answer that has not come at the next one does not come */
};

struct postgres_hold {
    struct loop *loop;
    struct workers *workers;
    const char *url, *name;
    void (*taken)(const char *who, void *user);
    void *user;
    PGconn *pq;
    struct event *read;
    int backend; /* of the last session that held it; 0 = none did */
    bool is_held, is_asked;
    struct wait *broken; /* of the task that keeps it */
    struct wait *first;  /* of who waits for it at the start */
    int result;          /* for who comes later: -AISHA_E_CONFLICT */
    char error[POSTGRES_ERROR_SIZE];
};

void postgres_hold_name(char ret_name[POSTGRES_NAME_SIZE])
{
    char machine[32] = "?";
    unsigned number = 0;

    aisha_ignore(gethostname(machine, sizeof machine - 1));
    aisha_ignore(getrandom(&number, sizeof number, 0) < 0);
    snprintf(ret_name, POSTGRES_NAME_SIZE, PREFIX "%s/%d %08x", machine, (int)getpid(), number);
}

/* ---- in a thread ---- */

/* What one attempt needs; sees nothing of the loop's. */
struct attempt {
    PGconn *pq;
    const char *name;
    int old_backend;
    char who[POSTGRES_ERROR_SIZE];
};

static bool succeeds(PGconn *pq, const char *sql)
{
    PGresult *result = PQexec(pq, sql);
    bool is_good = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return is_good;
}

/* 1 when it was free, 0 when it was not. */
static int try_lock(PGconn *pq)
{
    PGresult *result = PQexec(pq, TRY);
    int r = PQresultStatus(result) == PGRES_TUPLES_OK ? *PQgetvalue(result, 0, 0) == 't'
                                                      : -AISHA_E_UNAVAILABLE;

    PQclear(result);
    return r;
}

/* The session that has it; 0 when it has just gone. */
static int find_holder(PGconn *pq, char who[POSTGRES_ERROR_SIZE])
{
    PGresult *result = PQexec(pq, WHO);
    int backend = 0;

    *who = '\0';
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        snprintf(who, POSTGRES_ERROR_SIZE, "%s", PQgetvalue(result, 0, 0));
        backend = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10);
    }
    PQclear(result);
    return backend;
}

static int run_with(PGconn *pq, const char *sql, const char *parameter)
{
    PGresult *result = PQexecParams(pq, sql, 1, NULL, &parameter, NULL, NULL, 0);
    int r = PQresultStatus(result) == PGRES_TUPLES_OK ? 0 : -AISHA_E_UNAVAILABLE;

    PQclear(result);
    return r;
}

/* Ends our own last session, of which the server does not know yet that it is over, or which hangs. */
static int take_from_ourselves(struct attempt *attempt)
{
    char backend[16];

    snprintf(backend, sizeof backend, "%d", attempt->old_backend);
    int r = run_with(attempt->pq, "SELECT pg_terminate_backend($1::int, 5000)", backend);
    if (r == 0)
        r = try_lock(attempt->pq);
    return r == 0 ? -AISHA_E_UNAVAILABLE : r;
}

static int take_now(void *arg)
{
    struct attempt *attempt = arg;

    if (!succeeds(attempt->pq, KEEP_ALIVE))
        return -AISHA_E_UNAVAILABLE;
    int r = try_lock(attempt->pq);
    if (r == 0) {
        int backend = find_holder(attempt->pq, attempt->who);
        if (backend == 0)
            return -AISHA_E_UNAVAILABLE; /* it has just gone */
        r = backend == attempt->old_backend ? take_from_ourselves(attempt) : -AISHA_E_CONFLICT;
    }
    return r == 1 ? run_with(attempt->pq, FENCE, attempt->name) : r;
}

/* ---- on the loop ---- */

static void wake_first(struct postgres_hold *hold, int result)
{
    hold->result = result;
    if (hold->first)
        wait_wake(hold->first, result);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct postgres_hold *hold = arg;
    bool is_good = PQconsumeInput(hold->pq) == 1;
    PGresult *result;

    (void)fd, (void)what;
    while (is_good && !PQisBusy(hold->pq) && (result = PQgetResult(hold->pq))) {
        is_good = PQresultStatus(result) == PGRES_TUPLES_OK;
        hold->is_asked = false;
        PQclear(result);
    }
    if (is_good)
        return;
    event_del(hold->read);
    if (hold->broken)
        wait_wake(hold->broken, 0);
}

static void hang_up(struct postgres_hold *hold)
{
    if (hold->read)
        event_free(hold->read);
    PQfinish(hold->pq);
    hold->read = NULL;
    hold->pq = NULL;
    hold->is_held = hold->is_asked = false;
}

static AISHA_ASYNC int take(struct postgres_hold *hold)
{
    struct attempt attempt = {.name = hold->name, .old_backend = hold->backend};

    int r = postgres_dial(hold->workers, hold->url, hold->name, &hold->pq, hold->error);
    if (r < 0)
        return r;
    attempt.pq = hold->pq;
    r = workers_run(hold->workers, take_now, &attempt);
    if (r == -AISHA_E_CONFLICT)
        snprintf(hold->error, sizeof hold->error, "%s", attempt.who);
    else if (r < 0)
        snprintf(hold->error, sizeof hold->error, "the lock for one host cannot be taken");
    if (r < 0)
        return r;
    hold->read = event_new(loop_base(hold->loop), PQsocket(hold->pq), EV_READ | EV_PERSIST,
                           on_readable, hold);
    if (!hold->read)
        return -ENOMEM;
    event_add(hold->read, NULL);
    if (hold->backend)
        log_info("db", "the lock for one host is held again");
    hold->backend = PQbackendPID(hold->pq);
    hold->is_held = true;
    *hold->error = '\0';
    wake_first(hold, 0);
    return 0;
}

/* Until the session is lost; negative when the task is cancelled. */
static AISHA_ASYNC int keep(struct postgres_hold *hold)
{
    struct wait broken;
    int r;

    wait_init(&broken, hold->loop);
    hold->broken = &broken;
    for (;;) {
        r = wait_for(&broken, PING_MS);
        if (r != -AISHA_E_TIMEOUT || hold->is_asked || PQsendQuery(hold->pq, "SELECT 1") != 1)
            break;
        hold->is_asked = true;
        wait_init(&broken, hold->loop);
    }
    hold->broken = NULL;
    return r == -AISHA_E_CANCELED ? r : 0;
}

static AISHA_ASYNC int keep_and_lose(struct postgres_hold *hold)
{
    int r = keep(hold);

    if (r < 0)
        return r; /* the end: it stays ours until everything has ended */
    hang_up(hold);
    snprintf(hold->error, sizeof hold->error, "the lock for one host was lost");
    log_warn("db", "the lock for one host was lost: nothing is done until it is held again");
    return 0;
}

void postgres_hold_run(struct postgres_hold *hold)
{
    int64_t pause_ms = RETRY_MS, since_ms = loop_now_ms(hold->loop);

    for (;;) {
        int r = take(hold);
        if (r == 0) {
            pause_ms = RETRY_MS;
            if (keep_and_lose(hold) < 0)
                return;
            continue;
        }
        hang_up(hold);
        if (r == -AISHA_E_CONFLICT && hold->backend)
            hold->taken(hold->error, hold->user);
        if (r == -AISHA_E_CONFLICT && loop_now_ms(hold->loop) - since_ms > PATIENCE_MS) {
            wake_first(hold, r);
            return;
        }
        if (r != -AISHA_E_CONFLICT) { /* only patience with others counts */
            pause_ms = 2 * pause_ms < LAST_PAUSE_MS ? 2 * pause_ms : LAST_PAUSE_MS;
            since_ms = loop_now_ms(hold->loop);
        }
        if (wait_sleep(hold->loop, pause_ms) < 0)
            return;
    }
}

int postgres_hold_wait(struct postgres_hold *hold)
{
    struct wait first;

    if (hold->is_held || hold->result < 0)
        return hold->result;
    wait_init(&first, hold->loop);
    hold->first = &first;
    int r = wait_for(&first, WAIT_FOREVER);
    hold->first = NULL;
    return r;
}

bool postgres_hold_is_held(const struct postgres_hold *hold)
{
    return !hold || hold->is_held;
}

const char *postgres_hold_error(const struct postgres_hold *hold)
{
    return hold->error;
}

int postgres_hold_new(struct postgres_hold **ret_hold, struct loop *loop, struct workers *workers,
                      const char *url, const char *name, void (*taken)(const char *who, void *user),
                      void *user)
{
    struct postgres_hold *hold = calloc(1, sizeof *hold);

    if (!hold)
        return -ENOMEM;
    *hold = (struct postgres_hold){
        .loop = loop, .workers = workers, .url = url, .name = name, .taken = taken, .user = user};
    *ret_hold = hold;
    return 0;
}

void postgres_hold_free(struct postgres_hold *hold)
{
    if (!hold)
        return;
    hang_up(hold);
    free(hold);
}
