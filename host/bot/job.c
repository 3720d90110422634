/*
 * As with updates, a handler that was cancelled cannot wait for anything any more, so the end of the
 * attempt is then written by a second task.
 */
#include "host/bot/job.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/ctx.h>
#include <aisha/error.h>
#include <aisha/reply.h>

#include "host/bot/bot.h"
#include "host/bot/chat_action.h"
#include "host/bot/handler.h"
#include "host/bot/i18n.h"
#include "host/bot/job_runner.h"
#include "host/bot/progress.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/store/statement.h"

enum {
    DEFAULT_ATTEMPTS = 5,
    DEFAULT_TIMEOUT_S = 600,
    DEFAULT_PAUSE_S = 5,
    LONGEST_PAUSE_S = 3600,
    STORE_PAUSE_MS = 1000,
    ENDING_DEADLINE_MS = 60 * 1000,
};

int job_attempts(const struct aisha_job_kind *row)
{
    return row->attempts ? row->attempts : DEFAULT_ATTEMPTS;
}

struct job_unit *job_unit_new(struct bot *bot, const struct plugin *plugin,
                              const struct aisha_job_kind *row, const struct job_lease *lease)
{
    struct job_unit *unit = calloc(1, sizeof *unit);

    if (!unit)
        abort();
    unit->bot = bot;
    unit->plugin = plugin;
    unit->row = row;
    unit->lease = *lease;
    unit->lease.id = arena_strdup(&unit->arena, lease->id);
    unit->lease.kind = row->name;
    unit->lease.plugin = plugin->name;
    unit->lease.error = arena_strdup(&unit->arena, lease->error);
    unit->lease.data = arena_memdup(&unit->arena, lease->data, lease->data_size);
    unit->renewed_at_ms = loop_now_ms(bot->loop);
    return unit;
}

void job_unit_free(struct job_unit *unit)
{
    arena_clear(&unit->ctx.arena);
    arena_clear(&unit->arena);
    free(unit);
}

static void start_ctx(struct job_unit *unit)
{
    const struct job_place *place = &unit->lease.place;

    unit->ctx = (struct aisha_ctx){
        .bot = unit->bot,
        .job = unit,
        .task = task_current(unit->bot->loop),
        .priority = OUTBOUND_NOTIFICATION,
        .locale = i18n_locale_for(NULL),
        .plugin = unit->plugin,
        .handler = unit->row->name,
        .is_committed = true, /* there is no update to mark */
        .chat_id = place->chat_id,
        .thread_id = place->thread_id,
        .is_private = place->chat_id == place->telegram_id && place->chat_id != 0,
        .screen_id = place->message_id,
        .quote_id = place->quote_id,
    };
    task_rename(unit->ctx.task, arena_printf(&unit->ctx.arena, "plugin %s, job \"%s\" %s",
                                             unit->plugin->name, unit->row->name, unit->lease.id));
}

/* ---- what every write brings along ---- */

/* An end and what comes with it. */
struct ending {
    struct aisha_statement how;
    bool is_final;
};

static struct ending ending_of(struct job_unit *unit, struct arena *arena)
{
    if (unit->lease.is_failing)
        return (struct ending){job_bury(arena, &unit->lease), true};
    if (unit->ending == JOB_ENDS_AGAIN)
        return (struct ending){job_again(arena, &unit->lease, unit->again_after_ms), false};
    return (struct ending){job_done(arena, &unit->lease, unit->result), true};
}

/* All of them in one array, behind so many places for the caller's. */
static struct aisha_statement *with_plugins(struct job_unit *unit, struct arena *arena,
                                            struct ending ending, size_t places, size_t *ret_count)
{
    const struct registry *registry = unit->bot->registry;
    size_t most = places + 1, count = places;
    int64_t now = time(NULL);

    for (size_t i = 0; ending.is_final && i < registry->count; i++)
        most += registry->plugins[i].d.job_endings.count;
    struct aisha_statement *statements = arena_alloc(arena, most * sizeof *statements);
    statements[count++] = ending.how;
    for (size_t i = 0; ending.is_final && i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i].d.job_endings.count; j++)
            statements[count++] = STATEMENT(arena, registry->plugins[i].d.job_endings.rows[j].sql,
                                            unit->lease.id, now);
    *ret_count = count;
    return statements;
}

struct aisha_statement job_unit_guard(struct job_unit *unit)
{
    return job_guard(&unit->ctx.arena, &unit->lease);
}

const struct aisha_statement *job_unit_ending(struct job_unit *unit, size_t *ret_count)
{
    *ret_count = 0;
    if (!unit->is_ending_asked || unit->has_ended)
        return NULL;
    return with_plugins(unit, &unit->ctx.arena, ending_of(unit, &unit->ctx.arena), 0, ret_count);
}

void job_unit_statements_took_effect(struct job_unit *unit)
{
    unit->has_ended = unit->is_ending_asked;
}

int job_unit_shown(struct job_unit *unit)
{
    struct aisha_ctx *ctx = &unit->ctx;
    const struct aisha_statement both[] = {
        job_guard(&ctx->arena, &unit->lease),
        job_store_message(&ctx->arena, &unit->lease, ctx->screen_id)};

    if (unit->has_ended)
        return 0;
    int r = db_batch(unit->bot->db, &ctx->arena, both, 2, NULL);
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    return r;
}

/* ---- running ---- */

/* Whose job it is: buttons and questions are for them, in their language. */
static AISHA_ASYNC int meet(struct job_unit *unit)
{
    struct aisha_ctx *ctx = &unit->ctx;

    if (!unit->lease.place.telegram_id)
        return 0;
    struct aisha_user *from = arena_alloc(&ctx->arena, sizeof *from);
    *from = (struct aisha_user){
        .size = sizeof *from, .id = unit->lease.place.telegram_id, .first_name = ""};
    ctx->from = from;
    int r = users_find(unit->bot->db, &ctx->arena, unit->lease.place.telegram_id, &ctx->user);
    if (r == -AISHA_E_NOT_FOUND)
        return 0; /* deleted meanwhile: the job goes on without them */
    if (r == 0)
        ctx->locale =
            ctx->user.locale ? ctx->user.locale : i18n_locale_for(ctx->user.language_code);
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    return r;
}

/* What is said when the plugin has no .failed. */
static AISHA_ASYNC int explain(struct aisha_ctx *ctx)
{
    const char *key = ctx->job->lease.is_cancelled ? "cancelled" : "failed";

    ctx->plugin = NULL;
    if (!ctx->chat_id)
        return 0;
    int r = aisha_screen(ctx, .key = key);
    return r == -AISHA_E_TELEGRAM ? 0 : r;
}

static AISHA_ASYNC int run_handler(struct job_unit *unit)
{
    struct aisha_ctx *ctx = &unit->ctx;

    int r = meet(unit);
    if (r < 0)
        return r;
    if (unit->lease.is_cancelled && !unit->lease.is_failing) {
        unit->is_unwanted = true; /* by somebody who did not see its host die */
        return -AISHA_E_CANCELED;
    }
    if (unit->lease.is_failing)
        r = unit->row->failed ? handler_run(ctx, unit->row->failed) : explain(ctx);
    else
        r = handler_run(ctx, unit->row->run);
    if (r < 0)
        return r;
    return ctx->tx ? aisha_fail(ctx, -AISHA_E_INVALID,
                                "it returned within a transaction, without aisha_db_commit()")
                   : 0;
}

/* ---- ending ---- */

static int64_t pause_ms(const struct job_unit *unit)
{
    int64_t pause_s = unit->row->pause_s ? unit->row->pause_s : DEFAULT_PAUSE_S;

    for (int64_t i = 1; i < unit->lease.tried && pause_s < LONGEST_PAUSE_S; i++)
        pause_s *= 2;
    pause_s = pause_s < LONGEST_PAUSE_S ? pause_s : LONGEST_PAUSE_S;
    return pause_s * 800 + random() % (pause_s * 400); /* a fifth more or less */
}

static const char *error_of(struct job_unit *unit, struct arena *arena)
{
    const struct aisha_ctx *ctx = &unit->ctx;

    return arena_printf(arena, "%s%s%s", aisha_error_text(unit->outcome),
                        ctx->failure_text ? ": " : "", ctx->failure_text ? ctx->failure_text : "");
}

static void log_failure(struct job_unit *unit, const char *error, bool is_last)
{
    enum aisha_log_level level = is_last ? AISHA_LOG_ERROR : AISHA_LOG_WARN;

    log_line(level, unit->plugin->name, "job=%s kind=%s attempt %lld of %d failed%s: %s",
             unit->lease.id, unit->row->name, (long long)unit->lease.tried, job_attempts(unit->row),
             is_last ? ", the last one" : "", error);
}

/* How an attempt that did not return 0 ends. */
static struct ending failed_ending(struct job_unit *unit, struct arena *arena)
{
    const struct job_lease *lease = &unit->lease;
    bool is_last = lease->tried >= job_attempts(unit->row);

    if (unit->is_stopping)
        return (struct ending){job_again(arena, lease, 0), false};
    if (unit->is_unwanted)
        return (struct ending){job_fail(arena, lease, "cancelled", true), false};
    if (unit->ctx.has_store_failed) /* not its fault */
        return (struct ending){job_again(arena, lease, pause_ms(unit)), false};
    const char *error = error_of(unit, arena);
    log_failure(unit, error, is_last);
    if (!is_last)
        return (struct ending){job_retry(arena, lease, pause_ms(unit), error), false};
    if (lease->is_failing)
        return (struct ending){job_bury(arena, lease), true};
    return (struct ending){job_fail(arena, lease, error, false), false};
}

static AISHA_ASYNC int try_to_end(struct job_unit *unit)
{
    struct arena arena = {0};
    struct ending ending =
        unit->outcome < 0 ? failed_ending(unit, &arena) : ending_of(unit, &arena);
    size_t count;
    struct aisha_statement *statements = with_plugins(unit, &arena, ending, 1, &count);

    statements[0] = job_guard(&arena, &unit->lease);
    int r = db_batch(unit->bot->db, &arena, statements, count, NULL);
    arena_clear(&arena);
    return r;
}

/* Until the database takes it, or somebody else has the job. */
static AISHA_ASYNC void write_ending(struct job_unit *unit)
{
    for (;;) {
        int r = try_to_end(unit);
        if (r == -AISHA_E_CONFLICT)
            log_warn(unit->plugin->name, "job=%s was lost to another attempt", unit->lease.id);
        else if (r < 0 && r != -AISHA_E_UNAVAILABLE)
            log_error(unit->plugin->name, "job=%s its end could not be written: %s", unit->lease.id,
                      aisha_error_text(r));
        if (r != -AISHA_E_UNAVAILABLE || wait_sleep(unit->bot->loop, STORE_PAUSE_MS) < 0)
            return;
    }
}

static AISHA_ASYNC void finish(struct job_unit *unit)
{
    struct aisha_ctx *ctx = &unit->ctx;

    if (ctx->tx) {
        db_rollback(ctx->tx);
        ctx->tx = NULL;
    }
    chat_action_end(ctx);
    if (unit->outcome >= 0)
        progress_finish(ctx);
    progress_forget(ctx);
    if (!unit->is_lost && !unit->has_ended)
        write_ending(unit);
    job_runner_ended(unit);
}

static AISHA_ASYNC void finish_cancelled(void *arg)
{
    struct job_unit *unit = arg;

    unit->ctx.task = task_current(unit->bot->loop);
    task_set_deadline(unit->ctx.task, ENDING_DEADLINE_MS);
    finish(unit);
}

void job_unit_run(void *arg)
{
    struct job_unit *unit = arg;
    int64_t timeout_s = unit->row->timeout_s ? unit->row->timeout_s : DEFAULT_TIMEOUT_S;

    start_ctx(unit);
    task_set_deadline(unit->ctx.task, timeout_s * 1000);
    unit->outcome = run_handler(unit);
    if (unit->outcome < 0 && task_is_cancelled(unit->ctx.task)) {
        if (!unit->is_lost && !unit->is_unwanted && !unit->is_stopping)
            unit->outcome = -AISHA_E_TIMEOUT;
        if (task_start(unit->bot->loop, "end of a job", finish_cancelled, unit, NULL) == 0)
            return;
    }
    finish(unit);
}
