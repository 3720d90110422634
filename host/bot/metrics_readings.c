#include "host/bot/metrics_readings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/ctx.h>
#include <aisha/error.h>
#include <aisha/metrics.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/i18n.h"
#include "host/bot/metrics_text.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/core/audience.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/redact.h"
#include "host/store/cache.h"
#include "host/store/db.h"

enum {
    READING_MS = 3 * 1000,      /* then it is cancelled */
    WAIT_MS = READING_MS + 500, /* for that */
    LEAST_FRESH_MS = 2 * 1000,
    MOST_FRESH_MS = 30 * 1000,
    REST_FACTOR = 20, /* so long as it took it is left alone */
};

/* What one task reads. */
struct reading {
    struct readings *readings;
    const struct plugin *plugin; /* NULL = the stores */
    int (*read)(struct aisha_ctx *ctx);
    const char *name; /* of its first row */

    bool is_running; /* since then, and what it has found so far: */
    int64_t began_ms;
    struct arena arena;
    struct sample_list samples;
    size_t count;
    int error; /* of a value that cannot be shown */

    bool is_read, is_told; /* the last time: */
    int result;
    int64_t read_at_ms, fresh_ms;
    struct arena shown_arena;
    struct sample_list shown;
    struct audience audience;
};

struct readings {
    struct bot *bot;
    struct store_figures stores;
    size_t count;
    struct reading all[]; /* the first is the stores' */
};

/* ---- a value ---- */

/* The plugin's row that this value is of; the count of rows when it is none of this reading. */
static size_t row_of(const struct reading *reading, const char *name)
{
    const struct aisha_plugin *d = &reading->plugin->d;
    size_t found = d->metrics.count, count = 0;

    for (size_t i = 0; i < d->metrics.count; i++) {
        const struct aisha_metric_row *row = &d->metrics.rows[i];
        if (row->read != reading->read || (name && strcmp(row->name, name) != 0))
            continue;
        found = i;
        count++;
    }
    return count == 1 ? found : d->metrics.count;
}

static bool has_sample(const struct reading *reading, size_t row, const char *labels)
{
    const struct sample *sample;

    STAILQ_FOREACH(sample, &reading->samples, link)
        if (sample->row == row && strcmp(sample->labels, labels) == 0)
            return true;
    return false;
}

/* Whoever filled them in may have put into them what others said. NULL when they cannot be shown. */
static const char *labels_of(struct arena *arena, const struct aisha_metric_value *value)
{
    struct aisha_metric_label labels[AISHA_METRIC_LABELS];
    size_t count = 0;

    for (size_t i = 0; i < AISHA_METRIC_LABELS; i++) {
        if (!value->labels[i].name)
            continue;
        const char *text = value->labels[i].value ? value->labels[i].value : "";
        if (strnlen(text, AISHA_METRIC_LABEL_BYTES + 1) > AISHA_METRIC_LABEL_BYTES)
            return NULL;
        labels[count++] = (struct aisha_metric_label){
            .name = value->labels[i].name,
            .value = redact(arena_strdup(arena, text)),
        };
    }
    return metrics_labels(arena, labels, count);
}

static int add(struct aisha_ctx *ctx, struct reading *reading,
               const struct aisha_metric_value *value)
{
    const struct aisha_plugin *d = &reading->plugin->d;
    const char *name = value->metric ? value->metric : "";

    size_t row = row_of(reading, value->metric);
    if (row == d->metrics.count)
        return aisha_fail(ctx, -AISHA_E_INVALID, "no metric \"%s\" is read by this", name);
    name = d->metrics.rows[row].name;
    if (!isfinite(value->value) ||
        (value->value < 0 && d->metrics.rows[row].type == AISHA_METRIC_COUNTER))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the metric \"%s\" cannot be %g", name,
                          value->value);
    if (reading->count == AISHA_METRIC_VALUES)
        return aisha_fail(ctx, -AISHA_E_LIMIT, "over %d values of metrics", AISHA_METRIC_VALUES);
    const char *labels = labels_of(&reading->arena, value);
    if (!labels)
        return aisha_fail(ctx, -AISHA_E_INVALID,
                          "the metric \"%s\" has a label that is too long, or with an odd name",
                          name);
    if (has_sample(reading, row, labels))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the metric \"%s\" has two values%s%s", name,
                          *labels ? " with " : "", labels);
    struct sample *sample = arena_alloc(&reading->arena, sizeof *sample);
    *sample = (struct sample){.row = row, .labels = labels, .value = value->value};
    STAILQ_INSERT_TAIL(&reading->samples, sample, link);
    reading->count++;
    return 0;
}

int aisha_metric_(struct aisha_ctx *ctx, const struct aisha_metric_value *value)
{
    struct aisha_metric_value own;

    if (!ctx->reading)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_metric() is for rows of .metrics");
    sized_copy(&own, sizeof own, value);
    int r = add(ctx, ctx->reading, &own);
    if (r < 0)
        ctx->reading->error = r;
    return r;
}

/* ---- one reading ---- */

const char *const job_states[JOB_STATES] = {"waiting", "running", "done",
                                            "cancelled", [JOB_STATE_DEAD] = "dead"};

static AISHA_ASYNC void read_stores(struct bot *bot, struct store_figures *ret)
{
    struct store_figures figures = {0};
    const struct aisha_rows *rows;
    struct arena arena = {0};

    figures.is_cache_up = !cache_check(bot->cache, &arena);
    figures.is_database_up = db_query(bot->db, &arena, &AISHA_SQL("SELECT 1"), NULL) == 0;
    *ret = figures; /* counting takes longer, perhaps too long */
    int r = db_query(bot->db, &arena,
                     &AISHA_SQL("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state UNION ALL"
                                " SELECT 'update', COUNT(*) FROM dead_updates WHERE bot_id = $1",
                                bot->id),
                     &rows);
    for (size_t i = 0; r == 0 && i < rows->row_count; i++) {
        const char *state = aisha_cell_text(rows, i, "state");
        int64_t count = aisha_cell_int(rows, i, "n");
        if (strcmp(state, "update") == 0)
            figures.dead_updates = count;
        for (size_t j = 0; j < JOB_STATES; j++)
            if (strcmp(state, job_states[j]) == 0)
                figures.jobs[j] = count;
    }
    arena_clear(&arena);
    figures.are_counted = r == 0;
    *ret = figures;
}

static AISHA_ASYNC int read_plugin(struct reading *reading)
{
    struct bot *bot = reading->readings->bot;
    struct aisha_ctx ctx = {
        .bot = bot,
        .task = task_current(bot->loop),
        .priority = OUTBOUND_NOTIFICATION,
        .locale = i18n_locale_for(NULL),
        .plugin = reading->plugin,
        .handler = reading->name,
        .reading = reading,
        .is_committed = true, /* there is no update to mark */
    };

    int r = handler_run(&ctx, reading->read);
    if (ctx.tx)
        db_rollback(ctx.tx);
    if (r >= 0 && reading->error)
        r = reading->error;
    if (r >= 0 && task_is_cancelled(ctx.task))
        r = -AISHA_E_TIMEOUT; /* what it has given may be a part only */
    if (r < 0 && !reading->is_told && !loop_is_stopping(bot->loop)) {
        log_warn(reading->plugin->name, "metrics=%s cannot be read and are left out: %s%s%s",
                 reading->name,
                 task_is_cancelled(ctx.task) ? "it takes too long" : aisha_error_text(r),
                 ctx.failure_text ? ": " : "", ctx.failure_text ? ctx.failure_text : "");
        reading->is_told = true;
    }
    arena_clear(&ctx.arena);
    return r;
}

/* What it has found replaces what it found before. */
static void show(struct reading *reading)
{
    arena_clear(&reading->shown_arena);
    STAILQ_INIT(&reading->shown);
    if (reading->result < 0) {
        arena_clear(&reading->arena);
        return;
    }
    reading->shown_arena = reading->arena;
    STAILQ_CONCAT(&reading->shown, &reading->samples);
    reading->arena = (struct arena){0};
    reading->is_told = false;
}

static AISHA_ASYNC void read_task(void *arg)
{
    struct reading *reading = arg;
    struct loop *loop = reading->readings->bot->loop;

    task_set_deadline(task_current(loop), READING_MS);
    STAILQ_INIT(&reading->samples);
    reading->count = 0;
    reading->error = 0;
    if (reading->plugin)
        reading->result = read_plugin(reading);
    else
        read_stores(reading->readings->bot, &reading->readings->stores);
    reading->read_at_ms = loop_now_ms(loop);
    reading->fresh_ms = REST_FACTOR * (reading->read_at_ms - reading->began_ms);
    if (reading->fresh_ms < LEAST_FRESH_MS)
        reading->fresh_ms = LEAST_FRESH_MS;
    if (reading->fresh_ms > MOST_FRESH_MS)
        reading->fresh_ms = MOST_FRESH_MS;
    show(reading);
    reading->is_read = true;
    reading->is_running = false;
    audience_end(&reading->audience);
}

/* ---- all of them ---- */

static bool has_reading(const struct readings *readings, const struct plugin *plugin,
                        const struct aisha_metric_row *row)
{
    for (size_t i = 0; i < readings->count; i++)
        if (readings->all[i].plugin == plugin && readings->all[i].read == row->read)
            return true;
    return false;
}

int readings_new(struct readings **ret_readings, struct bot *bot)
{
    const struct registry *registry = bot->registry;
    size_t count = 1;

    for (size_t i = 0; i < registry->count; i++)
        count += registry->plugins[i].d.metrics.count;
    struct readings *readings = calloc(1, sizeof *readings + count * sizeof *readings->all);
    if (!readings)
        return -ENOMEM;
    readings->bot = bot;
    readings->all[readings->count++] = (struct reading){.name = "stores"};
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.metrics.count; j++) {
            const struct aisha_metric_row *row = &plugin->d.metrics.rows[j];
            if (!has_reading(readings, plugin, row))
                readings->all[readings->count++] =
                    (struct reading){.plugin = plugin, .read = row->read, .name = row->name};
        }
    }
    for (size_t i = 0; i < readings->count; i++) {
        readings->all[i].readings = readings;
        STAILQ_INIT(&readings->all[i].shown);
    }
    *ret_readings = readings;
    return 0;
}

void readings_free(struct readings *readings)
{
    if (!readings)
        return;
    for (size_t i = 0; i < readings->count; i++)
        arena_clear(&readings->all[i].shown_arena);
    free(readings);
}

static bool is_younger(const struct reading *reading, int64_t age_ms)
{
    return reading->is_read &&
           loop_now_ms(reading->readings->bot->loop) - reading->read_at_ms < age_ms;
}

void readings_refresh(struct readings *readings)
{
    struct loop *loop = readings->bot->loop;

    if (!readings->bot->inbox) /* the stores are not open yet */
        return;
    for (size_t i = 0; i < readings->count; i++) {
        struct reading *reading = &readings->all[i];
        if (reading->is_running || is_younger(reading, reading->fresh_ms))
            continue;
        reading->began_ms = loop_now_ms(loop);
        reading->is_running = task_start(loop, "metrics", read_task, reading, NULL) == 0;
    }
    for (size_t i = 0; i < readings->count; i++)
        if (readings->all[i].is_running)
            audience_wait(&readings->all[i].audience, loop, readings->all[i].began_ms + WAIT_MS);
}

/* Somebody else may have begun to read again, while whoever asks now was waiting for others. */
static bool can_be_shown(const struct reading *reading)
{
    return reading->result >= 0 && is_younger(reading, reading->fresh_ms + 2 * WAIT_MS);
}

const struct sample_list *readings_of(const struct readings *readings, const struct plugin *plugin,
                                      size_t row)
{
    for (size_t i = 0; i < readings->count; i++) {
        const struct reading *reading = &readings->all[i];
        if (reading->plugin == plugin && reading->read == plugin->d.metrics.rows[row].read)
            return can_be_shown(reading) ? &reading->shown : NULL;
    }
    return NULL;
}

const struct store_figures *readings_of_stores(const struct readings *readings)
{
    return can_be_shown(&readings->all[0]) ? &readings->stores : NULL;
}
