/*
 * jobs: durable work in every way it can go, for tests.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

struct order {
    int64_t number, steps, step;
    char user_id[40];
};

static AISHA_ASYNC int enqueue(struct aisha_ctx *ctx, const char *kind, const char *unique,
                               int64_t number, int64_t steps)
{
    struct order order = {.number = number, .steps = steps};
    const char *id;

    snprintf(order.user_id, sizeof order.user_id, "%s", aisha_user_id(ctx));
    int r = aisha_job_enqueue(ctx, &id, .kind = kind, AISHA_DATA(order), .unique = unique);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s %" PRId64 " %s",
                                                 r == AISHA_JOB_EXISTS ? "known" : "queued", number,
                                                 id));
}

/* /steps NUMBER STEPS: each step is counted in the database, once. */
static AISHA_ASYNC int cmd_steps(struct aisha_ctx *ctx)
{
    char *rest;
    int64_t number = strtoll(aisha_args(ctx), &rest, 10);

    return enqueue(ctx, "steps", aisha_printf(ctx, "%" PRId64, number), number,
                   strtoll(rest, NULL, 10));
}

static AISHA_ASYNC int cmd_fail(struct aisha_ctx *ctx)
{
    return enqueue(ctx, "failing", NULL, strtoll(aisha_args(ctx), NULL, 10), 0);
}

static AISHA_ASYNC int cmd_silent(struct aisha_ctx *ctx)
{
    return enqueue(ctx, "silent", NULL, 0, 0);
}

static AISHA_ASYNC int cmd_slow(struct aisha_ctx *ctx)
{
    return enqueue(ctx, "slow", NULL, 0, 0);
}

/* /nap: a handler that runs for a second, and no job. */
static AISHA_ASYNC int cmd_nap(struct aisha_ctx *ctx)
{
    int r = aisha_reply(ctx, .text = "asleep");

    if (r == 0)
        r = aisha_sleep(ctx, 1000);
    return r < 0 ? r : aisha_reply(ctx, .text = "awake");
}

static AISHA_ASYNC int cmd_wait(struct aisha_ctx *ctx)
{
    return enqueue(ctx, "waiting", aisha_user_id(ctx), 0, 0);
}

static AISHA_ASYNC int cmd_wake(struct aisha_ctx *ctx)
{
    const char *id = aisha_args(ctx);

    int r = aisha_job_wake(ctx, id);
    return r < 0 ? r : aisha_reply(ctx, .text = "woken");
}

static AISHA_ASYNC int cmd_tell(struct aisha_ctx *ctx)
{
    return enqueue(ctx, "telling", NULL, 0, 0);
}

/* /find ID */
static AISHA_ASYNC int cmd_find(struct aisha_ctx *ctx)
{
    static const char *const states[] = {"waiting", "running", "done", "dead", "cancelled"};
    const struct aisha_job_view *view;

    int r = aisha_job_find(ctx, aisha_args(ctx), &view);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s %d%% %s %s", states[view->state],
                                                 view->percent, view->result ? view->result : "-",
                                                 view->error ? view->error : "-"));
}

/* /together [fail|twice]: in one transaction with the job, both are there, or none. */
static AISHA_ASYNC int cmd_together(struct aisha_ctx *ctx)
{
    const struct order order = {.number = 1};
    bool fails = strcmp(aisha_args(ctx), "fail") == 0;
    bool is_twice = strcmp(aisha_args(ctx), "twice") == 0;
    const char *unique = is_twice ? aisha_user_id(ctx) : NULL, *id, *known;

    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO jobs_steps (number, step) VALUES ($1, $2)", -1,
                          aisha_chat_id(ctx));
    if (r == 0)
        r = aisha_job_enqueue(ctx, &id, .kind = "telling", AISHA_DATA(order), .unique = unique);
    if (r < 0)
        return r;
    if (is_twice)
        r = aisha_job_enqueue(ctx, &known, .kind = "telling", AISHA_DATA(order), .unique = unique);
    if (r < 0)
        return r;
    if (is_twice && (r != AISHA_JOB_EXISTS || strcmp(known, id) != 0))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the job of this transaction is not known");
    if (fails)
        return aisha_fail(ctx, -AISHA_E_INVALID, "wanted");
    return aisha_db_commit(ctx);
}

/* ---- the jobs ---- */

static AISHA_ASYNC int run_steps(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    while (r == 0 && order.step < order.steps) {
        r = aisha_progress(ctx, .text = aisha_printf(ctx, "step %" PRId64, order.step),
                           .percent = (int)(100 * order.step / order.steps));
        if (r == 0)
            r = aisha_sleep(ctx, 20);
        order.step++;
        aisha_job_percent(ctx, (int)(100 * order.step / order.steps));
        const struct aisha_statement count = AISHA_SQL(
            "INSERT INTO jobs_steps (number, step) VALUES ($1, $2)", order.number, order.step);
        if (r == 0)
            r = aisha_job_save(ctx, &order, &count, 1);
    }
    if (r < 0)
        return r;
    r = aisha_screen(ctx, .text = aisha_printf(ctx, "did %" PRId64 " in %" PRId64 " steps",
                                               order.number, order.steps));
    aisha_job_done(ctx, "all steps");
    return r;
}

static AISHA_ASYNC int run_failing(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    if (r < 0)
        return r;
    if (aisha_job_attempt(ctx) > order.number)
        return aisha_reply(
            ctx, .text = aisha_printf(ctx, "worked at last, attempt %d", aisha_job_attempt(ctx)));
    return aisha_fail(ctx, -AISHA_E_UPSTREAM, "attempt %d%s", aisha_job_attempt(ctx),
                      aisha_job_is_last(ctx) ? ", the last" : "");
}

static AISHA_ASYNC int on_failed(struct aisha_ctx *ctx)
{
    return aisha_screen(
        ctx, .text = aisha_printf(ctx, "%s: %s",
                                  aisha_job_is_cancelled(ctx) ? "was cancelled" : "gave up",
                                  aisha_job_error(ctx)));
}

static AISHA_ASYNC int run_silent(struct aisha_ctx *ctx)
{
    return aisha_db_exec(ctx, "UPDATE jobs_steps SET absent = 1");
}

static AISHA_ASYNC int run_slow(struct aisha_ctx *ctx)
{
    int r = aisha_progress(ctx, .text = "slowly");

    return r < 0 ? r : aisha_sleep(ctx, 3600 * 1000);
}

static AISHA_ASYNC int run_waiting(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    if (r < 0)
        return r;
    if (order.step > 0)
        return aisha_reply(ctx, .text = "was woken");
    order.step = 1;
    r = aisha_job_save(ctx, &order, NULL, 0);
    if (r == 0)
        r = aisha_reply(ctx, .text = "waits");
    aisha_job_again(ctx, 3600);
    return r;
}

static AISHA_ASYNC int run_telling(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    if (r < 0)
        return r;
    if (!*order.user_id)
        return aisha_reply(ctx, .text = "told");
    r = aisha_notify(ctx, order.user_id, .key = "hello");
    if (r == AISHA_NOTIFY_AWAY)
        aisha_log(ctx, AISHA_LOG_INFO, "is away");
    return r < 0 ? r : 0;
}

/* ---- telling somebody else ---- */

static AISHA_ASYNC int tell_of_notes(struct aisha_ctx *ctx, int64_t telegram_id)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const char *user_id;

    int r = aisha_find_user(ctx, telegram_id, &user_id);
    if (r < 0)
        return r;
    aisha_button(keyboard, .key = "open", .callback = "open");
    aisha_button(keyboard, .text = "any", .callback = "any");
    return aisha_notify(ctx, user_id, .key = "notes", .args = AISHA_ARGS(AISHA_ARG("n", 3)),
                        .keyboard = keyboard);
}

static AISHA_ASYNC int cmd_remind(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    int r = tell_of_notes(ctx, strtoll(aisha_args(ctx), NULL, 10));
    aisha_button(keyboard, .key = "open", .callback = "open");
    return r < 0 ? r : aisha_reply(ctx, .text = "reminded", .keyboard = keyboard);
}

static AISHA_ASYNC int on_open(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = "opened");
}

/* Whoever is noted under -8 hears of it. */
static AISHA_ASYNC int run_tick(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = aisha_db_exec(ctx, "INSERT INTO jobs_steps (number, step) VALUES (-7, 0)");
    if (r == 0)
        r = aisha_db_query(ctx, &rows, "SELECT step FROM jobs_steps WHERE number = -8");
    if (r < 0 || rows->row_count == 0)
        return r;
    r = tell_of_notes(ctx, aisha_cell_int(rows, 0, "step"));
    return r < 0 ? r : 0;
}

static const struct aisha_command commands[] = {
    {.name = "steps", .summary = "steps", .run = cmd_steps},
    {.name = "fail", .summary = "fail", .run = cmd_fail},
    {.name = "silent", .summary = "silent", .run = cmd_silent},
    {.name = "slow", .summary = "slow", .run = cmd_slow},
    {.name = "nap", .summary = "nap", .run = cmd_nap},
    {.name = "wait", .summary = "wait", .run = cmd_wait},
    {.name = "wake", .summary = "wake", .run = cmd_wake},
    {.name = "tell", .summary = "tell", .run = cmd_tell},
    {.name = "find", .summary = "find", .run = cmd_find},
    {.name = "together", .summary = "together", .run = cmd_together},
    {.name = "remind", .summary = "remind", .run = cmd_remind},
};

static const struct aisha_callback callbacks[] = {
    {.name = "open", .run = on_open},
    {.name = "any", .run = on_open, .is_for_anyone = true},
};

static const struct aisha_job_kind jobs[] = {
    {.name = "steps", .run = run_steps, .data_size = sizeof(struct order), .attempts = 100},
    {.name = "failing",
     .run = run_failing,
     .failed = on_failed,
     .data_size = sizeof(struct order),
     .attempts = 3,
     .pause_s = 1},
    {.name = "silent", .run = run_silent, .data_size = sizeof(struct order), .attempts = 1},
    {.name = "slow",
     .run = run_slow,
     .failed = on_failed,
     .data_size = sizeof(struct order),
     .is_cancellable = true},
    {.name = "waiting", .run = run_waiting, .data_size = sizeof(struct order)},
    {.name = "telling", .run = run_telling, .data_size = sizeof(struct order)},
    {.name = "tick", .run = run_tick},
};

static const struct aisha_schedule schedules[] = {
    {.name = "nightly", .job = "tick", .cron = "30 3 * * *", .catches_up = true},
    {.name = "missable", .job = "tick", .cron = "30 3 * * *"},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "steps",
     .sql = "CREATE TABLE jobs_steps (number BIGINT NOT NULL, step BIGINT NOT NULL)"},
};

AISHA_PLUGIN(.name = "jobs", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .jobs = AISHA_TABLE(jobs), .schedules = AISHA_TABLE(schedules),
             .migrations = AISHA_TABLE(migrations))
