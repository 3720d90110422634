/*
 * The writer takes everything that is queued, runs each unit within a savepoint of one transaction,
 * commits, and only then lets the units' tasks go on. Under load many units share the one fsync that
 * a commit costs; without load a unit has it for itself.
 *
 * While a task waits here its arena belongs to the thread that works for it.
 */
#include "host/io/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/sqlite_statement.h"

enum {
    MAX_GROUP = 256,        /* units in one commit */
    QUICK_READ_STEPS = 100, /* times 1000 instructions of SQLite's machine: about a millisecond */
    TX_LIFE_S = 5,
};

enum job_kind {
    JOB_WRITE,
    JOB_READ,
    JOB_BEGIN,
    JOB_RUN, /* the following ones within a transaction */
    JOB_COMMIT,
    JOB_ROLLBACK,
};

/* What a task wants a thread to do; on the task's stack. */
struct job {
    enum job_kind kind;
    int64_t tx_id;      /* of JOB_RUN and the following */
    const char *script; /* run after the statements, or NULL */
    struct arena *arena;
    const struct aisha_statement *statements;
    size_t count;
    const struct aisha_rows **ret_rows;
    int result;
    struct wait wait;
    STAILQ_ENTRY(job) link;
};

STAILQ_HEAD(job_list, job);

/* A thread with a connection and a queue. */
struct desk {
    struct sqlite *db;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* guards the rest but connection, which is the thread's */
    pthread_cond_t more;
    struct job_list jobs;
    struct job_list tx_jobs; /* of the transaction in progress */
    int64_t tx_id;           /* which that is, 0 = none */
    bool is_stopping;
    struct sqlite_connection connection;
};

struct sqlite {
    struct loop *loop;
    int lock_fd;
    struct desk writer, reader;
    struct sqlite_connection quick; /* the loop's own, for reads that take no time */
    int quick_steps;
    int64_t tx_count;
};

struct sqlite_tx {
    struct sqlite *db;
    int64_t id;
};

/* ---- the threads ---- */

static void on_job_done(void *arg)
{
    struct job *job = arg;

    wait_wake(&job->wait, job->result);
}

static void finish_job(struct desk *desk, struct job *job, int result)
{
    job->result = result;
    loop_post(desk->db->loop, on_job_done, job);
}

static int run_statements(struct desk *desk, struct job *job)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < job->count; i++)
        r = sqlite_connection_run(&desk->connection, job->arena, &job->statements[i],
                                  job->ret_rows ? &job->ret_rows[i] : NULL);
    return r == 0 && job->script ? sqlite_connection_run_script(&desk->connection, job->script) : r;
}

/* Runs one unit within the transaction; 0, or why the whole transaction is over. An error that
 * spoils only the unit is in job->result. */
static int run_unit(struct desk *desk, struct job *job)
{
    job->result = sqlite_connection_exec(&desk->connection, "SAVEPOINT unit");
    if (job->result == 0)
        job->result = run_statements(desk, job);
    if (sqlite3_get_autocommit(desk->connection.db))
        return job->result < 0 ? job->result : -AISHA_E_INVALID;
    int r = 0;
    if (job->result < 0)
        r = sqlite_connection_exec(&desk->connection, "ROLLBACK TO unit");
    return r < 0 ? r : sqlite_connection_exec(&desk->connection, "RELEASE unit");
}

static void end_transaction(struct desk *desk)
{
    if (!sqlite3_get_autocommit(desk->connection.db))
        aisha_ignore(sqlite_connection_exec(&desk->connection, "ROLLBACK"));
}

/* All units in the transaction that was begun; 0, or why nothing of it took effect. */
static int run_group(struct desk *desk, struct job *const *group, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = run_unit(desk, group[i]);
    if (r == 0)
        r = sqlite_connection_exec(&desk->connection, "COMMIT");
    end_transaction(desk);
    return r;
}

static void write_group(struct desk *desk, struct job *const *group, size_t count)
{
    int begun = sqlite_connection_exec(&desk->connection, "BEGIN IMMEDIATE");
    int r = begun < 0 ? begun : run_group(desk, group, count);

    for (size_t i = 0; i < count; i++) {
        if (begun == 0 && r < 0 && count > 1) /* perhaps only one of them breaks it */
            write_group(desk, &group[i], 1);
        else
            finish_job(desk, group[i], r < 0 ? r : group[i]->result);
    }
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

    int r = sqlite_connection_exec(&desk->connection, "BEGIN IMMEDIATE");
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
        r = broken < 0 ? broken : sqlite_connection_exec(&desk->connection, "COMMIT");
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

static void *desk_main(void *arg)
{
    struct desk *desk = arg;
    struct job *group[MAX_GROUP];
    size_t count;

    while ((count = take_jobs(desk, group)) > 0) {
        if (group[0]->kind == JOB_BEGIN)
            serve_transaction(desk, group[0]);
        else if (group[0]->kind == JOB_READ)
            finish_job(desk, group[0], run_statements(desk, group[0]));
        else
            write_group(desk, group, count);
    }
    return NULL;
}

static int desk_start(struct desk *desk, struct sqlite *db)
{
    pthread_condattr_t attributes;
    sigset_t all, before;

    desk->db = db;
    STAILQ_INIT(&desk->jobs);
    STAILQ_INIT(&desk->tx_jobs);
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

static void desk_stop(struct desk *desk)
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

/* Hands the job over and waits. Not interrupted: it may be taking effect. */
static AISHA_ASYNC int ask(struct desk *desk, struct job *job)
{
    bool is_in_tx = job->kind >= JOB_RUN;

    wait_init(&job->wait, desk->db->loop);
    pthread_mutex_lock(&desk->lock);
    bool is_over = is_in_tx && job->tx_id != desk->tx_id;
    if (!is_over)
        STAILQ_INSERT_TAIL(is_in_tx ? &desk->tx_jobs : &desk->jobs, job, link);
    pthread_cond_signal(&desk->more);
    pthread_mutex_unlock(&desk->lock);
    if (is_over)
        return -AISHA_E_TIMEOUT;
    return wait_for_uncancelled(&job->wait, WAIT_FOREVER);
}

/* ---- opening ---- */

static int make_directory_of(struct arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return 0;
}

/* A second host on the same file, under whatever name, would run every update twice. */
static int take_lock(struct sqlite *db, const char *path, struct arena *arena,
                     const char **ret_error)
{
    char holder[32] = "", *real = realpath(path, NULL);
    const char *name = arena_printf(arena, "%s.lock", real ? real : path);

    free(real);
    db->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (db->lock_fd < 0) {
        *ret_error = arena_printf(arena, "%s.lock: %s", path, strerror(errno));
        return -AISHA_E_UNAVAILABLE;
    }
    if (flock(db->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        aisha_ignore(read(db->lock_fd, holder, sizeof holder - 1) < 0);
        *ret_error =
            arena_printf(arena, "%s is in use by another host, process %.*s; stop it first", path,
                         (int)strcspn(holder, "\n"), holder);
        return -AISHA_E_UNAVAILABLE;
    }
    if (ftruncate(db->lock_fd, 0) < 0 || dprintf(db->lock_fd, "%d\n", (int)getpid()) < 0)
        log_warn("db", "%s.lock cannot be written", path);
    return 0;
}

static int explain(const struct sqlite_connection *connection, int r, const char **ret_error)
{
    if (r < 0)
        *ret_error = connection->db ? sqlite3_errmsg(connection->db) : "no memory";
    return r;
}

static int open_writer(struct sqlite_connection *writer, struct arena *arena, const char *path,
                       const char **ret_error)
{
    const struct aisha_rows *mode;

    int r = sqlite_connection_open(writer, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (r == 0)
        r = sqlite_connection_exec(writer, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                           "PRAGMA foreign_keys = ON;"
                                           "SELECT COUNT(*) FROM sqlite_schema");
    if (r == 0)
        r = sqlite_connection_run(writer, arena,
                                  &(struct aisha_statement){.sql = "PRAGMA journal_mode"}, &mode);
    if (r < 0)
        return explain(writer, r, ret_error);
    /* Either would work until the first write, or the first two at once. */
    if (sqlite3_db_readonly(writer->db, "main"))
        *ret_error = "it is write-protected";
    else if (mode->row_count != 1 || strcmp(mode->values[0].text, "wal") != 0)
        *ret_error = "no write-ahead log can be kept beside it";
    else
        return 0;
    return -AISHA_E_UNAVAILABLE;
}

static int open_connections(struct sqlite *db, struct arena *arena, const char *path,
                            const char **ret_error)
{
    struct sqlite_connection *const readers[] = {&db->reader.connection, &db->quick};

    int r = open_writer(&db->writer.connection, arena, path, ret_error);
    for (size_t i = 0; r == 0 && i < 2; i++)
        r = explain(readers[i], sqlite_connection_open(readers[i], path, SQLITE_OPEN_READONLY),
                    ret_error);
    return r;
}

static int on_progress(void *arg)
{
    struct sqlite *db = arg;

    return ++db->quick_steps > QUICK_READ_STEPS;
}

int sqlite_open(struct sqlite **ret_db, struct loop *loop, const char *path, struct arena *arena,
                const char **ret_error)
{
    struct sqlite *db = calloc(1, sizeof *db);
    mode_t mask;

    if (!db)
        return -ENOMEM;
    *db = (struct sqlite){.loop = loop, .lock_fd = -1};
    int r = make_directory_of(arena, path);
    if (r < 0)
        *ret_error = arena_printf(arena, "the directory of %s: %s", path, strerror(-r));
    if (r == 0)
        r = take_lock(db, path, arena, ret_error);
    if (r == 0) {
        mask = umask(0077);
        r = open_connections(db, arena, path, ret_error);
        umask(mask);
        if (r < 0)
            *ret_error = arena_printf(arena, "%s cannot be used: %s", path, *ret_error);
    }
    if (r == 0)
        r = desk_start(&db->writer, db);
    if (r == 0)
        r = desk_start(&db->reader, db);
    if (r < 0) {
        sqlite_close(db);
        return r;
    }
    sqlite3_progress_handler(db->quick.db, 1000, on_progress, db);
    *ret_db = db;
    return 0;
}

void sqlite_close(struct sqlite *db)
{
    if (!db)
        return;
    desk_stop(&db->reader);
    sqlite_connection_close(&db->quick);
    desk_stop(&db->writer);
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    free(db);
}

/* ---- for tasks ---- */

bool sqlite_is_read_only(struct sqlite *db, const char *sql)
{
    return sqlite_connection_is_read_only(&db->quick, sql);
}

int sqlite_read(struct sqlite *db, struct arena *arena, const struct aisha_statement *statement,
                const struct aisha_rows **ret_rows)
{
    db->quick_steps = 0;
    int r = sqlite_connection_run(&db->quick, arena, statement, ret_rows);
    if (r != -EINTR)
        return r;
    struct job job = {.kind = JOB_READ,
                      .arena = arena,
                      .statements = statement,
                      .count = 1,
                      .ret_rows = ret_rows};
    return ask(&db->reader, &job);
}

int sqlite_write(struct sqlite *db, struct arena *arena, const struct aisha_statement *statements,
                 size_t count, const struct aisha_rows **ret_rows)
{
    struct job job = {.kind = JOB_WRITE,
                      .arena = arena,
                      .statements = statements,
                      .count = count,
                      .ret_rows = ret_rows};

    return ask(&db->writer, &job);
}

int sqlite_run_script(struct sqlite *db, struct arena *arena, const char *script,
                      const struct aisha_statement *statements, size_t count)
{
    struct job job = {.kind = JOB_WRITE,
                      .script = script,
                      .arena = arena,
                      .statements = statements,
                      .count = count};

    return ask(&db->writer, &job);
}

int sqlite_begin(struct sqlite *db, struct sqlite_tx **ret_tx)
{
    struct sqlite_tx *tx = calloc(1, sizeof *tx);
    struct job job = {.kind = JOB_BEGIN, .tx_id = ++db->tx_count};

    if (!tx)
        return -ENOMEM;
    *tx = (struct sqlite_tx){.db = db, .id = job.tx_id};
    int r = ask(&db->writer, &job);
    if (r < 0) {
        free(tx);
        return r;
    }
    *ret_tx = tx;
    return 0;
}

int sqlite_tx_run(struct sqlite_tx *tx, struct arena *arena,
                  const struct aisha_statement *statement, const struct aisha_rows **ret_rows)
{
    struct job job = {.kind = JOB_RUN,
                      .tx_id = tx->id,
                      .arena = arena,
                      .statements = statement,
                      .count = 1,
                      .ret_rows = ret_rows};

    return ask(&tx->db->writer, &job);
}

int sqlite_commit(struct sqlite_tx *tx)
{
    struct job job = {.kind = JOB_COMMIT, .tx_id = tx->id};

    int r = ask(&tx->db->writer, &job);
    free(tx);
    return r;
}

void sqlite_rollback(struct sqlite_tx *tx)
{
    struct job job = {.kind = JOB_ROLLBACK, .tx_id = tx->id};

    aisha_ignore(ask(&tx->db->writer, &job));
    free(tx);
}
