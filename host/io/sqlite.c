/*
 * Reads that take no time are done by the loop itself: all of one turn in one transaction, since
 * nobody can know of a commit that came after its beginning. A read that takes longer is done again
 * by a thread. All writes are the writer's.
 */
#include "host/io/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/io/sql_log.h"
#include "host/io/sqlite_desk.h"
#include "host/io/sqlite_statement.h"

enum {
    QUICK_READ_STEPS = 100, /* times 1000 instructions of SQLite's machine: about a millisecond */
};

struct sqlite {
    struct loop *loop;
    int lock_fd;
    struct desk writer, reader;
    struct sqlite_connection quick; /* the loop's own, for reads that take no time */
    int quick_steps;
    struct loop_chore stop_reading; /* what one turn reads with it is one transaction */
    int64_t tx_count;
};

struct sqlite_tx {
    struct sqlite *db;
    int64_t id;
};

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
                       int flags, const char **ret_error)
{
    const struct aisha_rows *mode;

    int r = sqlite_connection_open(writer, path, SQLITE_OPEN_READWRITE | flags);
    if (r == 0)
        r = sqlite_connection_exec(writer, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                           "PRAGMA foreign_keys = ON;"
                                           "PRAGMA secure_delete = FAST;"
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

static int open_connections(struct sqlite *db, struct arena *arena, const char *path, int flags,
                            const char **ret_error)
{
    struct sqlite_connection *const readers[] = {&db->reader.connection, &db->quick};

    int r = open_writer(&db->writer.connection, arena, path, flags, ret_error);
    for (size_t i = 0; r == 0 && i < 2; i++)
        r = explain(readers[i], sqlite_connection_open(readers[i], path, SQLITE_OPEN_READONLY),
                    ret_error);
    return r;
}

static void stop_reading(void *arg)
{
    struct sqlite *db = arg;

    if (sqlite_connection_control(&db->quick, SQLITE_COMMIT) < 0)
        aisha_ignore(sqlite_connection_control(&db->quick, SQLITE_ROLLBACK_ALL));
}

static int on_progress(void *arg)
{
    struct sqlite *db = arg;

    return ++db->quick_steps > QUICK_READ_STEPS;
}

/* flags: SQLITE_OPEN_CREATE, or 0 for a file that is there. */
static int start(struct sqlite *db, struct arena *arena, const char *path, int flags,
                 const char **ret_error)
{
    mode_t mask = umask(0077);

    int r = open_connections(db, arena, path, flags, ret_error);
    umask(mask);
    if (r < 0)
        *ret_error = arena_printf(arena, "%s cannot be used: %s", path, *ret_error);
    if (r == 0)
        r = desk_start(&db->writer, db->loop);
    if (r == 0)
        r = desk_start(&db->reader, db->loop);
    if (r == 0)
        sqlite3_progress_handler(db->quick.db, 1000, on_progress, db);
    return r;
}

static struct sqlite *sqlite_new(struct loop *loop)
{
    struct sqlite *db = calloc(1, sizeof *db);

    /* Nobody asks how much memory it takes, and counting it costs a lock for each piece. Refused, which
     * does no harm, when there is another one in the process already. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (db)
        *db = (struct sqlite){
            .loop = loop, .lock_fd = -1, .stop_reading = {.fn = stop_reading, .arg = db}};
    return db;
}

int sqlite_open(struct sqlite **ret_db, struct loop *loop, const char *path, struct arena *arena,
                const char **ret_error)
{
    struct sqlite *db = sqlite_new(loop);

    if (!db)
        return -ENOMEM;
    int r = make_directory_of(arena, path);
    if (r < 0)
        *ret_error = arena_printf(arena, "the directory of %s: %s", path, strerror(-r));
    if (r == 0)
        r = take_lock(db, path, arena, ret_error);
    if (r == 0)
        r = start(db, arena, path, SQLITE_OPEN_CREATE, ret_error);
    if (r < 0)
        sqlite_close(db);
    else
        *ret_db = db;
    return r;
}

int sqlite_open_beside(struct sqlite **ret_db, struct loop *loop, const char *path,
                       struct arena *arena, const char **ret_error)
{
    struct sqlite *db;

    if (access(path, F_OK) < 0 && errno == ENOENT) {
        *ret_error = arena_printf(arena, "there is no %s", path);
        return -ENOENT;
    }
    db = sqlite_new(loop);
    if (!db)
        return -ENOMEM;
    int r = start(db, arena, path, 0, ret_error);
    if (r < 0)
        sqlite_close(db);
    else
        *ret_db = db;
    return r;
}

void sqlite_close(struct sqlite *db)
{
    if (!db)
        return;
    desk_stop(&db->reader);
    loop_chore_cancel(&db->stop_reading);
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
    bool is_reading = loop_chore_is_due(&db->stop_reading);

    if (!is_reading && sqlite_connection_control(&db->quick, SQLITE_BEGIN_READING) == 0)
        loop_at_end_of_turn(db->loop, &db->stop_reading);
    db->quick_steps = 0;
    db->quick.who = sql_log_who(db->loop);
    int r = sqlite_connection_run(&db->quick, arena, statement, ret_rows);
    db->quick.who = NULL;
    if (r != -EINTR)
        return r;
    struct job job = {.kind = JOB_READ,
                      .arena = arena,
                      .statements = statement,
                      .count = 1,
                      .ret_rows = ret_rows};
    return desk_ask(&db->reader, &job);
}

int sqlite_write(struct sqlite *db, struct arena *arena, const struct aisha_statement *statements,
                 size_t count, const struct aisha_rows **ret_rows)
{
    struct job job = {.kind = JOB_WRITE,
                      .arena = arena,
                      .statements = statements,
                      .count = count,
                      .ret_rows = ret_rows};

    return desk_ask(&db->writer, &job);
}

int sqlite_run_script(struct sqlite *db, struct arena *arena, const char *script,
                      const struct aisha_statement *statements, size_t count)
{
    struct job job = {.kind = JOB_WRITE,
                      .script = script,
                      .arena = arena,
                      .statements = statements,
                      .count = count};

    return desk_ask(&db->writer, &job);
}

int sqlite_begin(struct sqlite *db, struct sqlite_tx **ret_tx)
{
    struct sqlite_tx *tx = calloc(1, sizeof *tx);
    struct job job = {.kind = JOB_BEGIN, .tx_id = ++db->tx_count};

    if (!tx)
        return -ENOMEM;
    *tx = (struct sqlite_tx){.db = db, .id = job.tx_id};
    int r = desk_ask(&db->writer, &job);
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

    return desk_ask(&tx->db->writer, &job);
}

int sqlite_commit(struct sqlite_tx *tx)
{
    struct job job = {.kind = JOB_COMMIT, .tx_id = tx->id};

    int r = desk_ask(&tx->db->writer, &job);
    free(tx);
    return r;
}

void sqlite_rollback(struct sqlite_tx *tx)
{
    struct job job = {.kind = JOB_ROLLBACK, .tx_id = tx->id};

    aisha_ignore(desk_ask(&tx->db->writer, &job));
    free(tx);
}
