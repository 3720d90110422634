/*
 * The SDK: jobs.h, notify.h and other people.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/i18n.h"
#include "host/bot/job.h"
#include "host/bot/job_runner.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/jobs.h"
#include "host/store/uuid.h"

enum { MAX_KEY = 200, ALERT_KEY = 150, ALERT_PAUSE_S = 3600 };

static int note(struct aisha_ctx *ctx, int r)
{
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    return r;
}

/* ---- enqueueing ---- */

/* Where the job will be shown: in what this unit has shown, else under the pressed button. */
static int64_t screen_of(const struct aisha_ctx *ctx)
{
    const struct aisha_callback_query *query = ctx->update ? ctx->update->callback_query : NULL;

    if (ctx->business_connection_id)
        return 0;
    if (ctx->screen_id || !query || !query->message || query->message->date == 0)
        return ctx->screen_id;
    return query->message->message_id;
}

static int order_of(struct aisha_ctx *ctx, const struct aisha_job *given, struct job_order *ret)
{
    struct aisha_job job;

    sized_copy(&job, sizeof job, given);
    const struct aisha_job_kind *kind =
        ctx->plugin && job.kind ? plugin_job(ctx->plugin, job.kind) : NULL;
    if (!kind)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is no kind of job \"%s\"",
                          job.kind ? job.kind : "");
    if (job.data_size != kind->data_size)
        return aisha_fail(ctx, -AISHA_E_INVALID,
                          "the data of the job \"%s\" has %zu bytes, .data_size is %zu", job.kind,
                          job.data_size, kind->data_size);
    if (job.unique && (!*job.unique || strlen(job.unique) > MAX_KEY))
        return aisha_fail(ctx, -AISHA_E_INVALID, "a job's key has 1 to %d bytes", MAX_KEY);
    if (job.run_at < 0 || job.run_at > INT64_MAX / 1000)
        return aisha_fail(ctx, -AISHA_E_INVALID, "a job cannot run at %" PRId64, job.run_at);
    *ret = (struct job_order){
        .id = uuid_new(&ctx->arena),
        .plugin = ctx->plugin->name,
        .kind = kind->name,
        .unique = job.unique,
        .place = {.telegram_id = ctx->from ? ctx->from->id : 0,
                  .chat_id = ctx->business_connection_id ? 0 : ctx->chat_id,
                  .thread_id = ctx->thread_id,
                  .message_id = screen_of(ctx),
                  .quote_id = ctx->quote_id},
        .data = job.data,
        .data_size = job.data_size,
        .run_at_ms = job.run_at * 1000,
        .priority = job.priority,
    };
    return 0;
}

/* Other hosts are told when the transaction is committed, by the database. */
static const struct aisha_statement tell_others = {.sql = "SELECT pg_notify('aisha_jobs', '')"};

static AISHA_ASYNC int write(struct aisha_ctx *ctx, struct aisha_statement statement,
                             int64_t *ret_changed)
{
    const struct aisha_statement both[] = {statement, tell_others};
    const struct aisha_rows *rows[2];
    size_t count = db_is_postgres(ctx->bot->db) ? 2 : 1;
    int r = 0;

    ctx->has_job_news = true;
    if (!ctx->tx)
        r = aisha_db_batch(ctx, rows, both, count);
    for (size_t i = 0; ctx->tx && r == 0 && i < count; i++)
        r = note(ctx, db_tx_query(ctx->tx, &ctx->arena, &both[i], &rows[i]));
    if (r == 0 && ret_changed)
        *ret_changed = rows[0]->changed_count;
    return r;
}

int aisha_job_statement_(struct aisha_ctx *ctx, struct aisha_statement *ret_statement,
                         const char **ret_id, const struct aisha_job *job)
{
    struct job_order order;

    int r = order_of(ctx, job, &order);
    if (r < 0)
        return r;
    ctx->has_job_news = true;
    *ret_statement = job_insert(&ctx->arena, &order);
    if (ret_id)
        *ret_id = order.id;
    return 0;
}

/* Of the job that has the key, which may be one of the open transaction. */
static AISHA_ASYNC int known_id(struct aisha_ctx *ctx, const struct job_order *order,
                                const char **ret_id)
{
    const struct aisha_statement find = job_find_unique(&ctx->arena, order);
    const struct aisha_rows *rows;

    int r = aisha_db_query_(ctx, &rows, &find);
    if (r < 0)
        return r;
    *ret_id = aisha_cell_text(rows, 0, "id");
    return *ret_id ? 0 : aisha_fail(ctx, -AISHA_E_NOT_FOUND, "the job with this key has just gone");
}

int aisha_job_enqueue_(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_job *job)
{
    struct job_order order;
    int64_t changed = 0;

    int r = order_of(ctx, job, &order);
    if (r == 0)
        r = write(ctx, job_insert(&ctx->arena, &order), &changed);
    if (r < 0)
        return r;
    if (changed == 0)
        r = known_id(ctx, &order, &order.id);
    if (r < 0)
        return r;
    if (ret_id)
        *ret_id = order.id;
    return changed ? 0 : AISHA_JOB_EXISTS;
}

/* ---- within a job ---- */

const char *aisha_job_id(struct aisha_ctx *ctx)
{
    return ctx->job ? ctx->job->lease.id : NULL;
}

static int outside(struct aisha_ctx *ctx)
{
    return aisha_fail(ctx, -AISHA_E_INVALID, "this is not the handler of a job");
}

int aisha_job_data_(struct aisha_ctx *ctx, void *ret, size_t size)
{
    if (!ctx->job)
        return outside(ctx);
    if (size != ctx->job->lease.data_size)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the job's data has %zu bytes, not %zu",
                          ctx->job->lease.data_size, size);
    if (size)
        memcpy(ret, ctx->job->lease.data, size);
    return 0;
}

int aisha_job_save_(struct aisha_ctx *ctx, const void *data, size_t size,
                    const struct aisha_statement *statements, size_t count)
{
    if (!ctx->job || ctx->tx)
        return ctx->tx ? aisha_fail(ctx, -AISHA_E_INVALID, "aisha_job_save() in a transaction")
                       : outside(ctx);
    if (size != ctx->job->row->data_size)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the job's data has %zu bytes, not %zu",
                          ctx->job->row->data_size, size);
    struct aisha_statement *all = arena_alloc(&ctx->arena, (count + 1) * sizeof *all);
    all[0] = job_store_data(&ctx->arena, &ctx->job->lease, data, size);
    if (count)
        memcpy(all + 1, statements, count * sizeof *all);
    int r = aisha_db_batch(ctx, NULL, all, count + 1);
    if (r < 0)
        return r;
    ctx->job->lease.data = arena_memdup(&ctx->job->arena, data, size);
    return 0;
}

int aisha_job_attempt(struct aisha_ctx *ctx)
{
    return ctx->job ? (int)ctx->job->lease.tried : 0;
}

bool aisha_job_is_last(struct aisha_ctx *ctx)
{
    return ctx->job && ctx->job->lease.tried >= job_attempts(ctx->job->row);
}

const char *aisha_job_error(struct aisha_ctx *ctx)
{
    return ctx->job && ctx->job->lease.error ? ctx->job->lease.error : "";
}

bool aisha_job_is_cancelled(struct aisha_ctx *ctx)
{
    return ctx->job && ctx->job->lease.is_cancelled;
}

void aisha_job_done(struct aisha_ctx *ctx, const char *result)
{
    if (!ctx->job)
        return;
    ctx->job->ending = JOB_ENDS_DONE;
    ctx->job->is_ending_asked = true;
    ctx->job->result = result ? arena_strndup(&ctx->job->arena, result, JOB_MAX_BYTES) : NULL;
}

void aisha_job_again(struct aisha_ctx *ctx, int64_t after_s)
{
    if (!ctx->job)
        return;
    ctx->job->ending = JOB_ENDS_AGAIN;
    ctx->job->again_after_ms = (after_s > 0 ? after_s : 0) * 1000;
}

void aisha_job_percent(struct aisha_ctx *ctx, int percent)
{
    if (ctx->job)
        ctx->job->percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

/* ---- from anywhere ---- */

int aisha_job_has_ended(struct aisha_ctx *ctx, const char *id, bool *ret_has_ended)
{
    return note(ctx, job_has_ended(ctx->bot->db, &ctx->arena, id, ret_has_ended));
}

int aisha_job_find(struct aisha_ctx *ctx, const char *id, const struct aisha_job_view **ret_view)
{
    static const char *const states[] = {
        [AISHA_JOB_WAITING] = "waiting",     [AISHA_JOB_RUNNING] = "running",
        [AISHA_JOB_DONE] = "done",           [AISHA_JOB_DEAD] = "dead",
        [AISHA_JOB_CANCELLED] = "cancelled",
    };
    struct aisha_job_view *view = arena_alloc(&ctx->arena, sizeof *view);
    struct job_status status;
    size_t state = 0;

    int r = note(ctx, job_find(ctx->bot->db, &ctx->arena, ctx->plugin->name, id, &status));
    if (r < 0)
        return r;
    while (state < AISHA_JOB_CANCELLED && strcmp(states[state], status.state) != 0)
        state++;
    *view = (struct aisha_job_view){.size = sizeof *view,
                                    .state = (enum aisha_job_state)state,
                                    .attempt = (int)status.attempt,
                                    .percent = (int)status.percent,
                                    .result = status.result,
                                    .error = status.error};
    *ret_view = view;
    return 0;
}

int aisha_job_wake(struct aisha_ctx *ctx, const char *id)
{
    return write(ctx, job_wake(&ctx->arena, ctx->plugin->name, id), NULL);
}

int aisha_job_cancel(struct aisha_ctx *ctx, const char *id)
{
    int r = write(ctx, job_cancel(&ctx->arena, ctx->plugin->name, id), NULL);

    if (r == 0 && !ctx->tx) /* else the lease's renewal tells it */
        job_runner_cancel(ctx->bot, id);
    return r;
}

/* ---- people ---- */

int aisha_find_user(struct aisha_ctx *ctx, int64_t telegram_id, const char **ret_user_id)
{
    struct user user;

    int r = note(ctx, users_find(ctx->bot->db, &ctx->arena, telegram_id, &user));
    if (r == 0)
        *ret_user_id = user.id;
    return r;
}

int aisha_notify_(struct aisha_ctx *ctx, const char *user_id, const struct aisha_reply *reply)
{
    const struct aisha_ctx before = *ctx;
    struct user user;

    int r = note(ctx, users_find_by_id(ctx->bot->db, &ctx->arena, user_id, &user));
    if (r == -AISHA_E_NOT_FOUND)
        return aisha_fail(ctx, r,
                          "aisha_notify(): there is no user \"%.40s\"; it wants an id as "
                          "aisha_user_id() gives it (of a Telegram id: aisha_find_user())",
                          user_id ? user_id : "");
    if (r < 0)
        return r;
    if (user.is_away)
        return AISHA_NOTIFY_AWAY;
    ctx->chat_id = ctx->notified_id = user.telegram_id;
    ctx->thread_id = ctx->direct_topic_id = 0;
    ctx->business_connection_id = NULL;
    ctx->is_private = true;
    ctx->locale = user.locale ? user.locale : i18n_locale_for(user.language_code);
    ctx->priority =
        before.priority == OUTBOUND_INTERACTIVE ? OUTBOUND_NOTIFICATION : before.priority;
    r = aisha_reply_(ctx, reply);
    ctx->chat_id = before.chat_id;
    ctx->notified_id = before.notified_id;
    ctx->thread_id = before.thread_id;
    ctx->direct_topic_id = before.direct_topic_id;
    ctx->business_connection_id = before.business_connection_id;
    ctx->is_private = before.is_private;
    ctx->locale = before.locale;
    ctx->priority = before.priority;
    return r == -AISHA_E_TELEGRAM && ctx->telegram_failure.error_code == 403 ? AISHA_NOTIFY_AWAY
                                                                             : r;
}

/* The log has it in any case: who cannot be reached now is not tried again. */
static AISHA_ASYNC void tell_operator(struct aisha_ctx *ctx, int64_t telegram_id, const char *text)
{
    const char *user_id;

    int r = aisha_find_user(ctx, telegram_id, &user_id);
    if (r == 0)
        r = aisha_notify(ctx, user_id, .text = text);
    if (r < 0)
        aisha_log(ctx, AISHA_LOG_WARN, "operator %" PRId64 " was not told: %s", telegram_id,
                  aisha_error_text(r));
}

void aisha_alert(struct aisha_ctx *ctx, const char *text)
{
    const struct config *config = ctx->bot->config;

    aisha_log(ctx, AISHA_LOG_ERROR, "%s", text);
    if (ctx->tx) /* which does not wait for Telegram */
        return;
    int r = aisha_cache_cas(ctx, aisha_printf(ctx, "alert/%.*s", ALERT_KEY, text), NULL, 0, "", 0,
                            ALERT_PAUSE_S);
    for (size_t i = 0; r == 0 && i < config->admin.id_count; i++)
        tell_operator(ctx, config->admin.ids[i],
                      aisha_printf(ctx, "⚠️ %s: %s", ctx->plugin->name, text));
}
