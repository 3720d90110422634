#include "host/bot/migrate_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/bot/config.h"
#include "host/bot/registry.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/redact.h"
#include "host/store/db.h"
#include "host/store/migrate.h"
#include "host/store/schema.h"

struct run {
    struct loop *loop;
    struct arena arena;
    const struct config *config;
    const struct registry *registry;
    struct db *db;
    const char *error;
    size_t applied; /* now */
    int result;
};

static AISHA_ASYNC int apply(struct run *run, const char *owner,
                             const struct aisha_migration *migrations, size_t count)
{
    size_t before = 0;

    int r = migrate_count(run->db, &run->arena, owner, migrations, count, &before, &run->error);
    if (r == 0)
        r = migrate(run->db, &run->arena, owner, migrations, count, &run->error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        printf("%-16s %3d  %-11s %s\n", owner, migrations[i].version,
               i < before ? "applied" : "applied now", migrations[i].name);
    run->applied += count - before;
    return 0;
}

static void on_database_taken(const char *who, void *user)
{
    (void)user;
    fprintf(stderr, "aisha: %s has taken over the database; ending at once\n", who);
    _exit(EXIT_FAILURE);
}

/* Holding waits for a server that writes; who calls a command does not. */
static AISHA_ASYNC int look_at_server(struct run *run)
{
    const struct aisha_rows *rows;

    int r = db_query(run->db, &run->arena,
                     db_is_postgres(run->db)
                         ? &AISHA_SQL("SELECT current_setting('transaction_read_only') AS is_set")
                         : &AISHA_SQL("SELECT 'off' AS is_set"),
                     &rows);
    if (r < 0) {
        run->error = db_last_error(run->db);
    } else if (strcmp(aisha_cell_text(rows, 0, "is_set"), "on") == 0) {
        run->error = "the database server only reads now, as a standby does";
        r = -AISHA_E_UNAVAILABLE;
    }
    return r;
}

/* A host that goes on meanwhile would not know what the new tables ask of it. */
static AISHA_ASYNC int hold(struct run *run)
{
    int r = db_hold(run->db, on_database_taken, NULL);

    if (r == -AISHA_E_CONFLICT)
        run->error =
            arena_printf(&run->arena, "the database is in use by a host (%s); stop it first",
                         db_last_error(run->db));
    else if (r < 0)
        run->error = db_last_error(run->db);
    return r;
}

static AISHA_ASYNC int apply_all(struct run *run)
{
    run->error = "";
    int r = db_open(&run->db, run->loop, run->config->database.url, &run->arena, &run->error);
    if (r == 0)
        r = look_at_server(run);
    if (r == 0)
        r = hold(run);
    if (r == 0)
        r = apply(run, "host", host_migrations, host_migration_count);
    for (size_t i = 0; r == 0 && i < run->registry->count; i++) {
        const struct plugin *plugin = &run->registry->plugins[i];
        r = apply(run, plugin->name, plugin->d.migrations.rows, plugin->d.migrations.count);
    }
    return r;
}

static AISHA_ASYNC void run_task(void *arg)
{
    struct run *run = arg;

    run->result = apply_all(run);
    loop_stop(run->loop);
}

int migrate_command(const struct config *config, const struct registry *registry)
{
    struct run run = {.config = config, .registry = registry};

    int r = loop_new(&run.loop, &(struct loop_options){0});
    if (r < 0)
        return r;
    r = task_start(run.loop, "migrate", run_task, &run, NULL);
    if (r == 0)
        r = loop_run(run.loop);
    if (r == 0)
        r = run.result;
    if (r < 0)
        fprintf(stderr, "aisha: the tables could not be brought up to date: %s\n",
                run.error && *run.error ? redact(arena_strdup(&run.arena, run.error))
                                        : aisha_error_text(r));
    else
        printf("%zu applied now\n", run.applied);
    db_close(run.db);
    loop_free(run.loop);
    arena_clear(&run.arena);
    return r;
}
