/*
 * How many units of work a second the host's own store code commits: each asks for the person's
 * dialogue, as every update does and mostly without the database, and commits that an update is done
 * together with a change of one row.
 *
 *     database URL TASKS UNITS     prints JSON; an empty database
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/cache.h"
#include "host/store/db.h"
#include "host/store/dialog_copies.h"
#include "host/store/migrate.h"
#include "host/store/schema.h"
#include "host/store/statement.h"

enum { PEOPLE = 1000, BOT = 1 };

struct bench {
    struct loop *loop;
    struct db *db;
    struct cache *cache;
    struct dialog_copies *dialogs;
    const char *url;
    struct arena arena;
    int64_t tasks, units, begun, ended;
    double begin_s, end_s;
    const char *error;
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static AISHA_ASYNC int one(struct bench *bench, struct arena *arena, int64_t number)
{
    int64_t person = 1 + random() % PEOPLE;
    const struct dialog_key key = {.chat_id = person, .telegram_id = person};
    struct dialog dialog;

    int r = dialog_copies_find(bench->dialogs, arena, &key, &dialog);
    if (r < 0 && r != -AISHA_E_NOT_FOUND)
        return r;
    const struct aisha_statement both[] = {
        AISHA_SQL("INSERT INTO done_updates (bot_id, first_id, update_id) VALUES ($1, $2, $3)",
                  (int64_t)BOT, number, number),
        AISHA_SQL("UPDATE bench_counters SET value = value + 1 WHERE user_id = $1", person)};
    return db_batch(bench->db, arena, both, 2, NULL);
}

static AISHA_ASYNC void work(void *arg)
{
    struct bench *bench = arg;

    while (!bench->error && bench->begun < bench->units) {
        struct arena arena = {0};
        int r = one(bench, &arena, ++bench->begun);
        arena_clear(&arena);
        bench->ended++;
        if (r < 0)
            bench->error = aisha_error_text(r);
    }
    if (--bench->tasks == 0) {
        bench->end_s = now_s();
        loop_stop(bench->loop);
    }
}

static AISHA_ASYNC int prepare(struct bench *bench)
{
    struct arena *arena = &bench->arena;
    struct aisha_statement *people = arena_alloc(arena, PEOPLE * sizeof *people);

    int r = migrate(bench->db, arena, "host", host_migrations, host_migration_count, &bench->error);
    if (r == 0)
        r = db_run_script(bench->db, arena,
                          "CREATE TABLE bench_counters (user_id BIGINT NOT NULL PRIMARY KEY,"
                          " value BIGINT NOT NULL)",
                          NULL, 0);
    for (int64_t person = 1; r == 0 && person <= PEOPLE; person++)
        r = db_query(
            bench->db, arena,
            &AISHA_SQL("INSERT INTO bench_counters (user_id, value) VALUES ($1, 0)", person), NULL);
    return r;
}

static AISHA_ASYNC void begin(void *arg)
{
    struct bench *bench = arg;
    int64_t tasks = bench->tasks;

    int r = prepare(bench);
    bench->begin_s = now_s();
    bench->error = r < 0 ? aisha_error_text(r) : NULL;
    for (int64_t i = 0; i < tasks; i++)
        if (task_start(bench->loop, "work", work, bench, NULL) < 0)
            abort();
}

/* Whether the database has what was committed. */
static AISHA_ASYNC void check(void *arg)
{
    struct bench *bench = arg;
    const struct aisha_rows *rows;

    int r = db_query(bench->db, &bench->arena,
                     &AISHA_SQL("SELECT (SELECT COUNT(*) FROM done_updates) AS done,"
                                " (SELECT CAST(SUM(value) AS BIGINT) FROM bench_counters) AS sum"),
                     &rows);
    bool is_there = r == 0 && aisha_cell_int(rows, 0, "done") == bench->units &&
                    aisha_cell_int(rows, 0, "sum") == bench->units;
    bench->error = is_there ? NULL : "what was committed is not there";
    loop_stop(bench->loop);
}

/* One run of the loop on the database. */
static int run(struct bench *bench, void (*task)(void *arg))
{
    int r = loop_new(&bench->loop, &(struct loop_options){0});
    if (r == 0)
        r = db_open(&bench->db, bench->loop, bench->url, &bench->arena, &bench->error);
    if (r == 0)
        r = cache_open(&bench->cache, bench->loop, "", "bench", &bench->arena, &bench->error);
    if (r == 0)
        r = dialog_copies_new(&bench->dialogs, bench->loop, bench->db, bench->cache);
    if (r == 0)
        r = task_start(bench->loop, "bench", task, bench, NULL);
    if (r == 0)
        r = loop_run(bench->loop);
    dialog_copies_free(bench->dialogs);
    cache_close(bench->cache);
    db_close(bench->db);
    loop_free(bench->loop);
    return r < 0 || bench->error ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: database URL TASKS UNITS\n");
        return 2;
    }
    struct bench bench = {
        .url = argv[1], .tasks = strtoll(argv[2], NULL, 10), .units = strtoll(argv[3], NULL, 10)};
    int r = run(&bench, begin);
    if (r == 0)
        r = run(&bench, check);
    if (r < 0)
        fprintf(stderr, "database: %s\n", bench.error ? bench.error : "it did not work");
    else
        printf("{\"units\": %" PRId64 ", \"seconds\": %.6f}\n", bench.ended,
               bench.end_s - bench.begin_s);
    arena_clear(&bench.arena);
    return r < 0 ? 1 : 0;
}
