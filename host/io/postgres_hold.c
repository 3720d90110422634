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
#include "host/io/postgres_statement.h"

#define LOCK "1634300776" /* a number of ours; advisory locks are the database's */
#define PREFIX "aisha host "

/* The server looks after the session sooner than its system would: the machine may be gone. */
#define SET_UP                                                                                     \
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"  \
    "SET client_min_messages = warning"

#define TRY "SELECT pg_try_advisory_lock(" LOCK ")"

#define WHO                                                                                        \
    "SELECT coalesce(application_name, '?') || ' from ' || coalesce(host(client_addr), 'here')"    \
    " || ', since ' || to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS'), a.pid,"                    \
    " application_name = $1"                                                                       \
    " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory'"      \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"           \
    " AND l.classid = 0 AND l.objid = " LOCK " AND l.objsubid = 1 AND l.granted LIMIT 1"

/* Those of hosts that no longer have the lock; waits until each has gone, and tells who has not. */
#define FENCE                                                                                      \
    "SELECT pid FROM (SELECT pid, pg_terminate_backend(pid, 5000) AS has_ended"                    \
    " FROM pg_stat_activity"                                                                       \
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"   \
    " AND application_name LIKE '" PREFIX                                                          \
    "%' AND application_name <> $1) AS x WHERE NOT has_ended"

/*
 * Who had the lock last: what one that had it before finds there says whether it has missed somebody.
 * A name instead of a number, so that one's own stays one's own also when nobody has heard whether it
 * was written. Only written and read in the session that has the lock.
 */
#define MAKE_TABLE                                                                                 \
    "CREATE TABLE IF NOT EXISTS last_holder ("                                                     \
    "  is_only BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK (is_only),"                         \
    "  name TEXT NOT NULL)"

#define SIGN                                                                                       \
    "INSERT INTO last_holder (name) VALUES ($1)"                                                   \
    " ON CONFLICT (is_only) DO UPDATE SET name = EXCLUDED.name"

#define LAST "SELECT coalesce((SELECT name FROM last_holder), 'an unknown one')"

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
    bool was_held; /* once */
    bool is_held, is_asked;
    struct wait *broken; /* of the task that keeps it */
    struct wait *first;  /* of who waits for it at the start */
    int result;          /* for who comes later */
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
    bool was_held;
    char error[POSTGRES_ERROR_SIZE]; /* or who has it */
};

/* parameter: NULL = none, and then sql may be several statements. */
static int run(struct attempt *attempt, const char *sql, const char *parameter,
               PGresult **ret_result)
{
    PGresult *result = parameter
                           ? PQexecParams(attempt->pq, sql, 1, NULL, &parameter, NULL, NULL, 0)
                           : PQexec(attempt->pq, sql);
    ExecStatusType status = PQresultStatus(result);
    int r = 0;

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(attempt->error, sizeof attempt->error, "the lock for one host cannot be taken: %s",
                 message ? message : "no answer");
        r = postgres_error(NULL, result, sql);
        if (r == -AISHA_E_CONFLICT) /* of a table that is not ours; nobody holds anything */
            r = -AISHA_E_INVALID;
    }
    if (r == 0 && ret_result)
        *ret_result = result;
    else
        PQclear(result);
    return r;
}

/* 1 when it was free, 0 when it was not. */
static int try_lock(struct attempt *attempt)
{
    PGresult *result;

    int r = run(attempt, TRY, NULL, &result);
    if (r < 0)
        return r;
    r = *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    return r;
}

/* Ends an earlier session of ours, of which the server does not know yet that it is over, or which
 * hangs. */
static int take_from_ourselves(struct attempt *attempt, const char *backend)
{
    int r = run(attempt, "SELECT pg_terminate_backend($1::int, 5000)", backend, NULL);

    return r < 0 ? r : try_lock(attempt);
}

/* 1 when it is ours now, 0 when who had it has just gone. */
static int take_from_holder(struct attempt *attempt)
{
    PGresult *result;

    int r = run(attempt, WHO, attempt->name, &result);
    if (r < 0)
        return r;
    if (PQntuples(result) == 1 && *PQgetvalue(result, 0, 2) == 't') {
        r = take_from_ourselves(attempt, PQgetvalue(result, 0, 1));
    } else if (PQntuples(result) == 1) {
        snprintf(attempt->error, sizeof attempt->error, "%s", PQgetvalue(result, 0, 0));
        r = -AISHA_E_CONFLICT;
    }
    PQclear(result);
    return r;
}

static int end_earlier_sessions(struct attempt *attempt)
{
    PGresult *result;

    int r = run(attempt, FENCE, attempt->name, &result);
    if (r < 0)
        return r;
    if (PQntuples(result) > 0) {
        snprintf(
            attempt->error, sizeof attempt->error,
            "the lock for one host is of no use yet: session %s of an earlier host does not end",
            PQgetvalue(result, 0, 0));
        log_warn("db", "%s", attempt->error);
        r = -AISHA_E_UNAVAILABLE;
    }
    PQclear(result);
    return r;
}

/* Somebody who had the lock meanwhile has changed what we remember. */
static int look_who_was_last(struct attempt *attempt)
{
    PGresult *result;

    int r = run(attempt, LAST, NULL, &result);
    if (r < 0)
        return r;
    const char *last = PQgetvalue(result, 0, 0);
    if (strcmp(last, attempt->name) != 0) {
        snprintf(attempt->error, sizeof attempt->error, "%s (it has worked meanwhile)", last);
        r = -AISHA_E_CONFLICT;
    }
    PQclear(result);
    return r;
}

static int take_now(void *arg)
{
    struct attempt *attempt = arg;

    int r = run(attempt, SET_UP, NULL, NULL);
    if (r == 0)
        r = try_lock(attempt);
    if (r == 0)
        r = take_from_holder(attempt);
    if (r == 0)
        return -AISHA_E_UNAVAILABLE;
    if (r == 1)
        r = end_earlier_sessions(attempt);
    if (r == 0)
        r = run(attempt, MAKE_TABLE, NULL, NULL);
    if (r < 0)
        return r;
    return attempt->was_held ? look_who_was_last(attempt) : run(attempt, SIGN, attempt->name, NULL);
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
    struct attempt attempt = {.name = hold->name,
                              .was_held = hold->was_held,
                              .error = "the lock for one host cannot be taken"};

    int r = postgres_dial(hold->workers, hold->url, hold->name, &hold->pq, hold->error);
    if (r < 0)
        return r;
    attempt.pq = hold->pq;
    r = workers_run(hold->workers, take_now, &attempt);
    if (r < 0) {
        memcpy(hold->error, attempt.error, sizeof hold->error);
        return r;
    }
    hold->read = event_new(loop_base(hold->loop), PQsocket(hold->pq), EV_READ | EV_PERSIST,
                           on_readable, hold);
    if (!hold->read)
        return -ENOMEM;
    event_add(hold->read, NULL);
    if (hold->was_held)
        log_info("db", "the lock for one host is held again");
    hold->was_held = hold->is_held = true;
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

/* Whether it is to be tried again. Only patience with others counts. */
static bool failed(struct postgres_hold *hold, int result, int64_t *since_ms)
{
    int64_t now_ms = loop_now_ms(hold->loop);
    bool is_final = result == -AISHA_E_CONFLICT ? now_ms - *since_ms > PATIENCE_MS
                                                : result == -AISHA_E_INVALID && !hold->was_held;

    hang_up(hold);
    if (result == -AISHA_E_CONFLICT && hold->was_held)
        hold->taken(hold->error, hold->user);
    if (result != -AISHA_E_CONFLICT)
        *since_ms = now_ms;
    if (is_final)
        wake_first(hold, result);
    return !is_final;
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
        if (!failed(hold, r, &since_ms))
            return;
        if (r != -AISHA_E_CONFLICT)
            pause_ms = 2 * pause_ms < LAST_PAUSE_MS ? 2 * pause_ms : LAST_PAUSE_MS;
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
