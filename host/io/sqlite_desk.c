#include "host/io/sqlite_desk.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/io/sql_log.h"

enum {
    MAX_GROUP = 256, /* units in one commit */
    TX_LIFE_S = 5,
    CHECKPOINT_PAGES = 1000, /* in the write-ahead log */
};

/* Of all in the list that begins with this one. */
static void on_jobs_done(void *arg)
{
    struct job *job, *next;

    for (job = arg; job; job = next) {
        next = STAILQ_NEXT(job, link);
        wait_wake(&job->wait, job->result);
    }
}

/* They have their results. */
static void finish_jobs(struct desk *desk, struct job *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        STAILQ_NEXT(jobs[i], link) = i + 1 < count ? jobs[i + 1] : NULL;
    loop_post(desk->loop, on_jobs_done, jobs[0]);
}

static void finish_job(struct desk *desk, struct job *job, int result)
{
    job->result = result;
    finish_jobs(desk, &job, 1);
}

static int run_statements(struct desk *desk, struct job *job)
{
    int r = 0;

    desk->connection.who = job->who;
    for (size_t i = 0; r == 0 && i < job->count; i++)
        r = sqlite_connection_run(&desk->connection, job->arena, &job->statements[i],
                                  job->ret_rows ? &job->ret_rows[i] : NULL);
    if (r == 0 && job->script)
        r = sqlite_connection_run_script(&desk->connection, job->script);
    desk->connection.who = NULL;
    return r;
}

/* who: whose transaction it is, or NULL. A constraint that was deferred may fail now. */
static int commit(struct desk *desk, const char *who)
{
    desk->connection.who = who;
    int r = sqlite_connection_control(&desk->connection, SQLITE_COMMIT);
    desk->connection.who = NULL;
    return r;
}

/* Runs one unit within the transaction; 0, or why the whole transaction is over. An error that
 * spoils only the unit is in job->result. */
static int run_unit(struct desk *desk, struct job *job)
{
    job->result = sqlite_connection_control(&desk->connection, SQLITE_BEGIN_UNIT);
    if (job->result == 0)
        job->result = run_statements(desk, job);
    if (sqlite3_get_autocommit(desk->connection.db))
        return job->result < 0 ? job->result : -AISHA_E_INVALID;
    int r = 0;
    if (job->result < 0)
        r = sqlite_connection_control(&desk->connection, SQLITE_ROLLBACK_UNIT);
    return r < 0 ? r : sqlite_connection_control(&desk->connection, SQLITE_END_UNIT);
}

static void end_transaction(struct desk *desk)
{
    if (!sqlite3_get_autocommit(desk->connection.db))
        aisha_ignore(sqlite_connection_control(&desk->connection, SQLITE_ROLLBACK_ALL));
}

/* The units as if they were one: the first that fails ends it. */
static int run_as_one(struct desk *desk, struct job *const *group, size_t count)
{
    int r = 0;

    desk->connection.is_quiet = count > 1; /* what fails will run once more */
    for (size_t i = 0; r == 0 && i < count; i++)
        r = group[i]->result = run_statements(desk, group[i]);
    desk->connection.is_quiet = false;
    return r;
}

/* Each in a savepoint: what fails spoils only itself. */
static int run_apart(struct desk *desk, struct job *const *group, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = run_unit(desk, group[i]);
    return r;
}

/* In the transaction that was begun; 0, or why nothing took effect. */
static int run_and_commit(struct desk *desk, struct job *const *group, size_t count,
                          int (*run)(struct desk *desk, struct job *const *group, size_t count))
{
    int r = run(desk, group, count);

    if (r == 0)
        r = commit(desk, count == 1 ? group[0]->who : NULL);
    end_transaction(desk);
    return r;
}

static void finish_group(struct desk *desk, struct job *const *group, size_t count, int r)
{
    for (size_t i = 0; r < 0 && i < count; i++)
        group[i]->result = r;
    finish_jobs(desk, group, count);
}

static void write_group(struct desk *desk, struct job *const *group, size_t count);

/* At least one of them fails; if it breaks the transaction even so, each has one of its own. */
static void write_carefully(struct desk *desk, struct job *const *group, size_t count)
{
    int r = sqlite_connection_control(&desk->connection, SQLITE_BEGIN_WRITING);

    if (r == 0)
        r = run_and_commit(desk, group, count, run_apart);
    if (r == 0)
        finish_group(desk, group, count, 0);
    for (size_t i = 0; r < 0 && i < count; i++)
        write_group(desk, &group[i], 1);
}

/* Savepoints cost more than most of what is written, and nearly always all goes well: so it is first
 * tried without them. */
static void write_group(struct desk *desk, struct job *const *group, size_t count)
{
    int begun = sqlite_connection_control(&desk->connection, SQLITE_BEGIN_WRITING);
    int r = begun < 0 ? begun : run_and_commit(desk, group, count, run_as_one);

    if (begun == 0 && r < 0 && count > 1)
        write_carefully(desk, group, count);
    else
        finish_group(desk, group, count, r);
}

/* The next command of the transaction; NULL when its time is over or everything ends. */
static struct job *next_tx_job(struct desk *desk, const struct timespec *deadline)
{
    struct job *job;
    int timed_out = 0;

    pthread_mutex_lock(&desk->lock);
    while (!(job = STAILQ_FIRST(&desk->tx_jobs)) && !desk->is_stopping && timed_out == 0)
        timed_out = pthread_cond_timedwait(&desk->more, &desk->lock, deadline);
    if (job)
        STAILQ_REMOVE_HEAD(&desk->tx_jobs, link);
    pthread_mutex_unlock(&desk->lock);
    return job;
}

/* Ends the transaction for everybody: what still comes for it is refused. */
static void forget_transaction(struct desk *desk)
{
    struct job_list late = STAILQ_HEAD_INITIALIZER(late);

    end_transaction(desk);
    pthread_mutex_lock(&desk->lock);
    desk->tx_id = 0;
    STAILQ_CONCAT(&late, &desk->tx_jobs);
    pthread_mutex_unlock(&desk->lock);
    while (!STAILQ_EMPTY(&late)) {
        struct job *job = STAILQ_FIRST(&late);
        STAILQ_REMOVE_HEAD(&late, link);
        finish_job(desk, job, -AISHA_E_TIMEOUT);
    }
}

/* Runs its commands until it ends; returns the one that asks for the end, or NULL. After an error
 * that ended the transaction what follows would take effect alone, so it is refused. */
static struct job *run_transaction(struct desk *desk, int *ret_broken)
{
    struct timespec deadline;
    struct job *job;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += TX_LIFE_S;
    *ret_broken = 0;
    while ((job = next_tx_job(desk, &deadline)) && job->kind == JOB_RUN) {
        if (*ret_broken == 0)
            *ret_broken = run_unit(desk, job);
        finish_job(desk, job, *ret_broken < 0 ? *ret_broken : job->result);
    }
    return job;
}

static void serve_transaction(struct desk *desk, struct job *begin)
{
    int broken;

    int r = sqlite_connection_control(&desk->connection, SQLITE_BEGIN_WRITING);
    if (r == 0) {
        pthread_mutex_lock(&desk->lock);
        desk->tx_id = begin->tx_id;
        pthread_mutex_unlock(&desk->lock);
    }
    finish_job(desk, begin, r);
    if (r < 0)
        return;
    struct job *end = run_transaction(desk, &broken);
    if (!end)
        log_warn("db", "a transaction was open for over %d s and is rolled back", TX_LIFE_S);
    else if (end->kind == JOB_COMMIT)
        r = broken < 0 ? broken : commit(desk, end->who);
    forget_transaction(desk);
    if (end)
        finish_job(desk, end, r);
}

/* Takes what can be done together: writes in a row, or one transaction. 0 = the end. */
static size_t take_jobs(struct desk *desk, struct job *group[MAX_GROUP])
{
    size_t count = 0;

    pthread_mutex_lock(&desk->lock);
    while (STAILQ_EMPTY(&desk->jobs) && !desk->is_stopping)
        pthread_cond_wait(&desk->more, &desk->lock);
    while (count < MAX_GROUP && !STAILQ_EMPTY(&desk->jobs)) {
        struct job *job = STAILQ_FIRST(&desk->jobs);
        if (job->kind != JOB_WRITE && count > 0)
            break;
        STAILQ_REMOVE_HEAD(&desk->jobs, link);
        group[count++] = job;
        if (job->kind != JOB_WRITE)
            break;
    }
    pthread_mutex_unlock(&desk->lock);
    return count;
}

static int on_committed(void *arg, sqlite3 *db, const char *name, int log_pages)
{
    struct desk *desk = arg;

    (void)db;
    (void)name;
    desk->log_pages = log_pages;
    return SQLITE_OK;
}

/* SQLite itself would do it within a COMMIT, and those who wait for that would wait for this, too.
 * When it fails the log grows, and the next commit tries again. */
static void checkpoint(struct desk *desk)
{
    if (desk->log_pages < CHECKPOINT_PAGES)
        return;
    desk->log_pages = 0;
    int code =
        sqlite3_wal_checkpoint_v2(desk->connection.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    bool has_failed = code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY;
    if (has_failed && !desk->has_checkpoint_failed)
        log_warn("db",
                 "the write-ahead log grows, for it cannot be written back: %s; it is tried "
                 "again after every commit",
                 sqlite3_errstr(code));
    desk->has_checkpoint_failed = has_failed;
}

static void *desk_main(void *arg)
{
    struct desk *desk = arg;
    struct job *group[MAX_GROUP];
    size_t count;

    /* It need not interrupt the loop in the middle of a turn: what comes until that ends is written
     * together. */
    aisha_ignore(pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0}));
    sqlite3_wal_hook(desk->connection.db, on_committed, desk);
    while ((count = take_jobs(desk, group)) > 0) {
        if (group[0]->kind == JOB_BEGIN)
            serve_transaction(desk, group[0]);
        else if (group[0]->kind == JOB_READ)
            finish_job(desk, group[0], run_statements(desk, group[0]));
        else
            write_group(desk, group, count);
        checkpoint(desk);
    }
    return NULL;
}

static void hand_over(void *arg)
{
    struct desk *desk = arg;

    pthread_mutex_lock(&desk->lock);
    STAILQ_CONCAT(&desk->jobs, &desk->gathered);
    pthread_mutex_unlock(&desk->lock);
    pthread_cond_signal(&desk->more); /* when it can have the lock */
}

int desk_start(struct desk *desk, struct loop *loop)
{
    pthread_condattr_t attributes;
    sigset_t all, before;

    desk->loop = loop;
    STAILQ_INIT(&desk->jobs);
    STAILQ_INIT(&desk->tx_jobs);
    STAILQ_INIT(&desk->gathered);
    desk->hand_over = (struct loop_chore){.fn = hand_over, .arg = desk};
    pthread_mutex_init(&desk->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&desk->more, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    int r = -pthread_create(&desk->thread, NULL, desk_main, desk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    desk->is_started = r == 0;
    return r;
}

void desk_stop(struct desk *desk)
{
    if (desk->is_started) {
        pthread_mutex_lock(&desk->lock);
        desk->is_stopping = true;
        pthread_cond_broadcast(&desk->more);
        pthread_mutex_unlock(&desk->lock);
        pthread_join(desk->thread, NULL);
        pthread_cond_destroy(&desk->more);
        pthread_mutex_destroy(&desk->lock);
    }
    sqlite_connection_close(&desk->connection);
}

/* Returns whether the transaction is still there. */
static bool add_to_transaction(struct desk *desk, struct job *job)
{
    pthread_mutex_lock(&desk->lock);
    bool is_there = job->tx_id == desk->tx_id;
    if (is_there)
        STAILQ_INSERT_TAIL(&desk->tx_jobs, job, link);
    pthread_cond_signal(&desk->more);
    pthread_mutex_unlock(&desk->lock);
    return is_there;
}

int desk_ask(struct desk *desk, struct job *job)
{
    job->who = sql_log_who(desk->loop);
    wait_init(&job->wait, desk->loop);
    if (job->kind < JOB_RUN) {
        STAILQ_INSERT_TAIL(&desk->gathered, job, link);
        loop_at_end_of_turn(desk->loop, &desk->hand_over);
    } else if (!add_to_transaction(desk, job)) {
        return -AISHA_E_TIMEOUT;
    }
    return wait_for_uncancelled(&job->wait, WAIT_FOREVER);
}
