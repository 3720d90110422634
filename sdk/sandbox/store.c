#include "sdk/sandbox/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <uthash.h>

#include <event2/event.h>
#include <sqlite3.h>

#include "host/core/log.h"
#include "host/core/loop.h"

enum { BEHIND_MS = 200, MOST_WAITING_BYTES = 32 * 1024 * 1024 };

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS rows (place INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
    "  key TEXT NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL, body BLOB NOT NULL,"
    "  UNIQUE (kind, key));";

enum statement { BEGIN, COMMIT, PUT, REMOVE, CLEAR, STATEMENTS };

static const char *const statements[] = {
    [BEGIN] = "BEGIN",
    [COMMIT] = "COMMIT",
    [PUT] = "INSERT INTO rows (kind, key, body, first, second) VALUES (?1, ?2, ?3, ?4, ?5)"
            " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body,"
            " first = excluded.first, second = excluded.second",
    [REMOVE] = "DELETE FROM rows WHERE kind = ?1 AND key = ?2",
    [CLEAR] = "DELETE FROM rows",
};

/* What is to be done with a row: perhaps to remove it, and then perhaps to put it. */
struct change {
    char *body; /* NULL = nothing to put */
    size_t size;
    int64_t numbers[2];
    bool is_removed;
    size_t kind_size; /* of the name: the kind, a zero byte, the key */
    TAILQ_ENTRY(change) link;
    UT_hash_handle hh;
    char name[];
};

TAILQ_HEAD(change_list, change);

struct store {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
    struct event *timer; /* set while something waits */
    struct change *changes;
    struct change_list order;
    size_t waiting_bytes;
    bool is_cleared; /* before the changes */
    bool has_failed;
};

static int failed(struct store *store)
{
    store->has_failed = true;
    log_error("sandbox", "database error=%s", sqlite3_errmsg(store->sqlite));
    return -EIO;
}

static void forget(struct store *store, struct change *change)
{
    HASH_DEL(store->changes, change);
    TAILQ_REMOVE(&store->order, change, link);
    store->waiting_bytes -= change->size;
    free(change->body);
    free(change);
}

static void forget_all(struct store *store)
{
    while (!TAILQ_EMPTY(&store->order))
        forget(store, TAILQ_FIRST(&store->order));
    store->is_cleared = false;
}

/* ---- writing ---- */

static int run(struct store *store, enum statement number, const struct change *change)
{
    sqlite3_stmt *statement = store->statements[number];

    if (change) {
        sqlite3_bind_text(statement, 1, change->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, change->name + change->kind_size + 1, -1, SQLITE_STATIC);
    }
    if (number == PUT) {
        sqlite3_bind_blob64(statement, 3, change->body, change->size, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 4, change->numbers[0]);
        sqlite3_bind_int64(statement, 5, change->numbers[1]);
    }
    int r = sqlite3_step(statement) == SQLITE_DONE ? 0 : failed(store);
    sqlite3_reset(statement);
    if (change)
        sqlite3_clear_bindings(statement);
    return r;
}

static int write_changes(struct store *store)
{
    const struct change *change;
    int r = run(store, BEGIN, NULL);

    if (r == 0 && store->is_cleared)
        r = run(store, CLEAR, NULL);
    TAILQ_FOREACH(change, &store->order, link) {
        if (r == 0 && change->is_removed)
            r = run(store, REMOVE, change);
        if (r == 0 && change->body)
            r = run(store, PUT, change);
    }
    if (r == 0)
        r = run(store, COMMIT, NULL);
    if (r < 0)
        sqlite3_exec(store->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

static void expect_writing(struct store *store)
{
    const struct timeval soon = {.tv_usec = BEHIND_MS * 1000};

    if (!event_pending(store->timer, EV_TIMEOUT, NULL))
        event_add(store->timer, &soon);
}

static void catch_up(struct store *store)
{
    event_del(store->timer);
    if (TAILQ_EMPTY(&store->order) && !store->is_cleared)
        return;
    if (write_changes(store) == 0)
        forget_all(store);
    else
        expect_writing(store);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    catch_up(arg);
}

/* ---- changing ---- */

static struct change *change_of(struct store *store, const char *kind, const char *key)
{
    size_t kind_size = strlen(kind), key_size = strlen(key), size = kind_size + 1 + key_size;
    struct change *change, *made = calloc(1, sizeof *made + size + 1);

    if (!made)
        abort();
    memcpy(made->name, kind, kind_size);
    memcpy(made->name + kind_size + 1, key, key_size);
    HASH_FIND(hh, store->changes, made->name, size, change);
    if (change) {
        free(made);
        return change;
    }
    made->kind_size = kind_size;
    HASH_ADD(hh, store->changes, name, size, made);
    TAILQ_INSERT_TAIL(&store->order, made, link);
    return made;
}

static void drop_body(struct store *store, struct change *change)
{
    store->waiting_bytes -= change->size;
    change->size = 0;
    free(change->body);
    change->body = NULL;
}

void store_put(struct store *store, const struct store_row *row)
{
    if (!store)
        return;
    struct change *change = change_of(store, row->kind, row->key);
    if (change->is_removed && !change->body) { /* it comes anew, behind the others */
        TAILQ_REMOVE(&store->order, change, link);
        TAILQ_INSERT_TAIL(&store->order, change, link);
    }
    drop_body(store, change);
    change->body = malloc(row->size + 1);
    if (!change->body)
        abort();
    memcpy(change->body, row->body, row->size);
    change->size = row->size;
    memcpy(change->numbers, row->numbers, sizeof change->numbers);
    store->waiting_bytes += row->size;
    expect_writing(store);
    if (store->waiting_bytes > MOST_WAITING_BYTES && !store->has_failed)
        catch_up(store);
}

void store_remove(struct store *store, const char *kind, const char *key)
{
    if (!store)
        return;
    struct change *change = change_of(store, kind, key);
    drop_body(store, change);
    change->is_removed = true;
    expect_writing(store);
}

void store_clear(struct store *store)
{
    if (!store)
        return;
    forget_all(store);
    store->is_cleared = true;
    expect_writing(store);
}

bool store_take_failure(struct store *store)
{
    bool has_failed = store && store->has_failed;

    if (has_failed)
        store->has_failed = false;
    return has_failed;
}

/* ---- opening and closing ---- */

static int open_database(struct store *store, const char *directory)
{
    char path[4096];

    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        log_error("sandbox", "cannot create directory path=%s error=%s", directory,
                  strerror(errno));
    snprintf(path, sizeof path, "%s/world.db", directory);
    int r = sqlite3_open_v2(path, &store->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(store->sqlite, schema, NULL, NULL, NULL);
    for (size_t i = 0; r == SQLITE_OK && i < STATEMENTS; i++)
        r = sqlite3_prepare_v2(store->sqlite, statements[i], -1, &store->statements[i], NULL);
    if (r == SQLITE_OK)
        return 0;
    log_error("sandbox", "cannot open database path=%s error=%s", path,
              store->sqlite ? sqlite3_errmsg(store->sqlite) : sqlite3_errstr(r));
    return -EIO;
}

int store_open(struct store **ret_store, struct loop *loop, const char *directory)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return -ENOMEM;
    TAILQ_INIT(&store->order);
    store->timer = evtimer_new(loop_base(loop), on_timer, store);
    int r = store->timer ? open_database(store, directory) : -ENOMEM;
    if (r < 0) {
        store_close(store);
        return r;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->timer) {
        catch_up(store);
        event_free(store->timer);
    }
    forget_all(store);
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->sqlite);
    free(store);
}

void store_load(struct store *store, store_row_fn *fn, void *user)
{
    static const char sql[] = "SELECT kind, key, body, first, second FROM rows ORDER BY place";
    sqlite3_stmt *statement;
    int r;

    if (!store)
        return;
    if (sqlite3_prepare_v2(store->sqlite, sql, -1, &statement, NULL) != SQLITE_OK) {
        failed(store);
        return;
    }
    while ((r = sqlite3_step(statement)) == SQLITE_ROW)
        fn(user, &(struct store_row){.kind = (const char *)sqlite3_column_text(statement, 0),
                                     .key = (const char *)sqlite3_column_text(statement, 1),
                                     .body = (const char *)sqlite3_column_text(statement, 2),
                                     .size = (size_t)sqlite3_column_bytes(statement, 2),
                                     .numbers = {sqlite3_column_int64(statement, 3),
                                                 sqlite3_column_int64(statement, 4)}});
    if (r != SQLITE_DONE)
        failed(store);
    sqlite3_finalize(statement);
}
