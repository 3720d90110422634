/*
 * One task looks for work, one renews the leases; each attempt is a task of its own. What is
 * enqueued here, or by others as the database notifies us, is looked at once; the clock brings what is due
 * later, and what nobody told us of.
 */
#include "host/bot/job_runner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/job.h"
#include "host/bot/schedule.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/db.h"

enum {
    MOST_RUNNING = 100,
    LOOK_EVERY_MS = 5000,
    LOOK_AGAIN_MS = 1000, /* when the database could not be asked */
    RENEW_EVERY_MS = JOB_LEASE_MS / 3,
    SWEEP_EVERY_MS = 3600 * 1000,
    STOP_MS = 10000,
};

struct kind {
    const struct plugin *plugin;
    const struct aisha_job_kind *row;
    int64_t next_at_ms; /* by the clock of the day; 0 = look now */
};

struct job_runner {
    struct bot *bot;
    struct kind *kinds;
    size_t kind_count;
    unsigned running;
    LIST_HEAD(, job_unit) units;
    struct wait *news; /* of the task that looks, while it waits */
    struct wait *idle; /* of who stops everything */
    bool is_stopping;
    int64_t swept_at_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- starting attempts ---- */

static void start_unit(struct job_runner *runner, struct kind *kind, const struct job_lease *lease)
{
    struct job_unit *unit = job_unit_new(runner->bot, kind->plugin, kind->row, lease);

    LIST_INSERT_HEAD(&runner->units, unit, link);
    runner->running++;
    log_debug(kind->plugin->name, "job=%s kind=%s attempt=%" PRId64 " begins", unit->lease.id,
              kind->row->name, unit->lease.attempt);
    if (task_start(runner->bot->loop, "job", job_unit_run, unit, NULL) < 0)
        job_runner_ended(unit); /* its lease runs out, and it is taken again */
}

static AISHA_ASYNC int claim(struct job_runner *runner, struct kind *kind)
{
    struct arena arena = {0};
    const struct job_limits limits = {.plugin = kind->plugin->name,
                                      .kind = kind->row->name,
                                      .at_once = kind->row->at_once,
                                      .most = MOST_RUNNING - runner->running,
                                      .is_serial = kind->row->is_serial};
    const struct job_lease *leases;
    size_t count;
    int64_t next_ms;

    int r = jobs_claim(runner->bot->db, &arena, &limits, &leases, &count, &next_ms);
    if (r == 0) {
        for (size_t i = 0; i < count; i++)
            start_unit(runner, kind, &leases[i]);
        /* What is due and was not given to us waits for one that runs. */
        kind->next_at_ms = next_ms > now_ms() ? next_ms : INT64_MAX;
    }
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int claim_due(struct job_runner *runner)
{
    for (size_t i = 0; i < runner->kind_count; i++) {
        struct kind *kind = &runner->kinds[i];
        if (runner->running == MOST_RUNNING || runner->is_stopping)
            return 0;
        if (kind->next_at_ms > now_ms())
            continue;
        int r = claim(runner, kind);
        if (r < 0)
            return r;
    }
    return 0;
}

static void look_at_all(struct job_runner *runner)
{
    for (size_t i = 0; i < runner->kind_count; i++)
        runner->kinds[i].next_at_ms = 0;
    if (runner->news)
        wait_wake(runner->news, 0);
}

static int64_t pause_ms(const struct job_runner *runner)
{
    int64_t pause = LOOK_EVERY_MS, now = now_ms();

    if (runner->running == MOST_RUNNING)
        return pause;
    for (size_t i = 0; i < runner->kind_count; i++) {
        int64_t left = runner->kinds[i].next_at_ms - now;
        pause = left < pause ? left : pause;
    }
    return pause > 1 ? pause : 1;
}

static AISHA_ASYNC void sweep(struct job_runner *runner)
{
    int64_t now = loop_now_ms(runner->bot->loop);

    if (runner->swept_at_ms && now - runner->swept_at_ms < SWEEP_EVERY_MS)
        return;
    if (jobs_sweep(runner->bot->db) == 0)
        runner->swept_at_ms = now;
}

static AISHA_ASYNC void look_for_work(void *arg)
{
    struct job_runner *runner = arg;
    int r = 0;

    while (r != -AISHA_E_CANCELED && !runner->is_stopping) {
        struct wait news;
        bool is_asked = schedules_run(runner->bot) == 0 && claim_due(runner) == 0;
        if (is_asked)
            sweep(runner);
        wait_init(&news, runner->bot->loop);
        runner->news = &news;
        r = wait_for(&news, is_asked ? pause_ms(runner) : LOOK_AGAIN_MS);
        runner->news = NULL;
        if (r == -AISHA_E_TIMEOUT && pause_ms(runner) > 1)
            look_at_all(runner); /* what nobody told us of */
    }
}

/* ---- leases ---- */

static void cancel(struct job_unit *unit)
{
    unit->ctx.cancel = CTX_CANCELLED_BY_USER;
    if (unit->ctx.task)
        task_cancel(unit->ctx.task);
}

static AISHA_ASYNC void renew(struct job_unit *unit)
{
    struct loop *loop = unit->bot->loop;
    int64_t asked_at_ms = loop_now_ms(loop);

    unit->is_renewing = true;
    int r = job_renew(unit->bot->db, &unit->lease, unit->percent, unit->ctx.screen_id);
    unit->is_renewing = false;
    if (unit->is_over) {
        job_unit_free(unit);
        return;
    }
    bool is_late = loop_now_ms(loop) - unit->renewed_at_ms > JOB_LEASE_MS;
    if (r == JOB_LOST || (r < 0 && is_late)) {
        log_warn(unit->plugin->name, "job=%s has lost its lease", unit->lease.id);
        unit->is_lost = true;
        cancel(unit);
    } else if (r == JOB_TO_CANCEL) {
        unit->is_unwanted = true;
        cancel(unit);
    }
    if (r >= 0)
        unit->renewed_at_ms = asked_at_ms;
}

static struct job_unit *longest_unrenewed(const struct job_runner *runner)
{
    int64_t latest = loop_now_ms(runner->bot->loop) - RENEW_EVERY_MS;
    struct job_unit *unit, *oldest = NULL;

    LIST_FOREACH(unit, &runner->units, link)
        if (!unit->is_lost && !unit->has_ended && unit->renewed_at_ms < latest &&
            (!oldest || unit->renewed_at_ms < oldest->renewed_at_ms))
            oldest = unit;
    return oldest;
}

static AISHA_ASYNC void renew_leases(void *arg)
{
    struct job_runner *runner = arg;
    struct job_unit *unit;

    while (wait_sleep(runner->bot->loop, RENEW_EVERY_MS / 4) == 0)
        for (size_t i = 0; i < MOST_RUNNING && (unit = longest_unrenewed(runner)); i++)
            renew(unit);
}

/* ---- for others ---- */

static void on_notified(const char *payload, void *user)
{
    (void)payload;
    look_at_all(user);
}

static int list_kinds(struct job_runner *runner, const struct registry *registry)
{
    size_t count = 0;

    for (size_t i = 0; i < registry->count; i++)
        count += registry->plugins[i].d.jobs.count;
    runner->kinds = calloc(count + 1, sizeof *runner->kinds);
    if (!runner->kinds)
        return -ENOMEM;
    for (size_t i = 0; i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i].d.jobs.count; j++)
            runner->kinds[runner->kind_count++] = (struct kind){
                .plugin = &registry->plugins[i], .row = &registry->plugins[i].d.jobs.rows[j]};
    return 0;
}

int job_runner_start(struct bot *bot)
{
    struct job_runner *runner = calloc(1, sizeof *runner);

    if (!runner)
        return -ENOMEM;
    runner->bot = bot;
    LIST_INIT(&runner->units);
    bot->jobs = runner;
    int r = list_kinds(runner, bot->registry);
    if (r < 0 || runner->kind_count == 0)
        return r;
    if (!db_is_postgres(bot->db))
        r = jobs_forget_leases(bot->db);
    if (r == 0)
        r = schedules_start(bot);
    if (r == 0)
        r = db_listen(bot->db, "aisha_jobs", on_notified, runner);
    if (r == 0)
        r = task_start(bot->loop, "jobs", look_for_work, runner, NULL);
    if (r == 0)
        r = task_start(bot->loop, "job leases", renew_leases, runner, NULL);
    return r;
}

void job_runner_stop(struct bot *bot)
{
    struct job_runner *runner = bot->jobs;
    struct job_unit *unit;
    struct wait idle;

    if (!runner)
        return;
    runner->is_stopping = true;
    LIST_FOREACH(unit, &runner->units, link) {
        unit->is_stopping = true;
        cancel(unit);
    }
    wait_init(&idle, bot->loop);
    runner->idle = &idle;
    if (runner->running > 0 && wait_for(&idle, STOP_MS) < 0)
        log_warn("bot", "%u jobs did not end in time; they go on when their leases have run out",
                 runner->running);
    runner->idle = NULL;
}

void job_runner_free(struct job_runner *runner)
{
    if (!runner)
        return;
    free(runner->kinds);
    free(runner);
}

void job_runner_notice(struct bot *bot)
{
    if (bot->jobs)
        look_at_all(bot->jobs);
}

void job_runner_cancel(struct bot *bot, const char *id)
{
    struct job_unit *unit;

    LIST_FOREACH(unit, &bot->jobs->units, link) {
        if (strcmp(unit->lease.id, id) != 0 || unit->lease.is_failing)
            continue;
        unit->is_unwanted = true;
        cancel(unit);
    }
}

int job_runner_cancel_shown(struct aisha_ctx *ctx, int64_t message_id)
{
    const struct job_place place = {.chat_id = ctx->chat_id,
                                    .telegram_id = ctx->from ? ctx->from->id : 0,
                                    .message_id = message_id};
    const struct aisha_job_kind *kind = NULL;
    struct bot *bot = ctx->bot;
    struct job_name name;

    if (bot->jobs->kind_count == 0)
        return 0;
    int r = job_find_shown(bot->db, &ctx->arena, &place, &name);
    for (size_t i = 0; r == 0 && i < bot->jobs->kind_count; i++)
        if (strcmp(bot->jobs->kinds[i].plugin->name, name.plugin) == 0 &&
            strcmp(bot->jobs->kinds[i].row->name, name.kind) == 0)
            kind = bot->jobs->kinds[i].row;
    if (r == -AISHA_E_NOT_FOUND || (r == 0 && (!kind || !kind->is_cancellable)))
        return 0;
    if (r == 0)
        r = db_query(
            bot->db, &ctx->arena,
            &(const struct aisha_statement[]){job_cancel(&ctx->arena, name.plugin, name.id)}[0],
            NULL);
    if (r < 0) {
        ctx->has_store_failed = r == -AISHA_E_UNAVAILABLE;
        return r;
    }
    job_runner_cancel(bot, name.id);
    job_runner_notice(bot);
    return 1;
}

void job_runner_ended(struct job_unit *unit)
{
    struct job_runner *runner = unit->bot->jobs;

    LIST_REMOVE(unit, link);
    runner->running--;
    if (runner->idle && runner->running == 0)
        wait_wake(runner->idle, 0);
    look_at_all(runner); /* it may be waiting again, or have made room */
    unit->is_over = true;
    if (!unit->is_renewing)
        job_unit_free(unit);
}
