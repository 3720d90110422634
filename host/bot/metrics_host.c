/*
 * What the host has counted anyway, or can say at once. A metric is a row of the table below and a
 * function that writes its values.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/bot/bot.h"
#include "host/bot/metrics.h"
#include "host/bot/metrics_readings.h"
#include "host/bot/metrics_text.h"
#include "host/bot/running.h"
#include "host/bot/text.h"
#include "host/core/loop.h"
#include "host/io/http_server.h"
#include "host/store/inbox.h"
#include "host/telegram/client.h"

/* Where a function writes to, and of what. */
struct writing {
    struct text *text;
    const struct bot *bot;
    const char *name;
};

static void write_one(const struct writing *w, double value)
{
    metrics_text_sample(w->text, w->name, "", value);
}

/* The second label may be NULL. */
static void write_labelled(const struct writing *w, double value, struct aisha_metric_label first,
                           struct aisha_metric_label second)
{
    const struct aisha_metric_label labels[] = {first, second};
    const char *text = metrics_labels(w->text->arena, labels, second.name ? 2 : 1);

    metrics_text_sample(w->text, w->name, text, value);
}

#define LABEL(label_name, text) ((struct aisha_metric_label){(label_name), (text)})
#define NO_LABEL ((struct aisha_metric_label){0})

/* ---- updates ---- */

/* Of the kinds that always come, and of those that have come. */
static const char *shown_kind(const struct bot *bot, size_t kind)
{
    bool is_known = kind < update_kind_count;

    if (!(is_known && update_kinds[kind].is_ours) && bot->updates[kind].received == 0)
        return NULL;
    return is_known ? update_kinds[kind].name : "unknown";
}

static void write_received(const struct writing *w)
{
    for (size_t i = 0; i <= update_kind_count; i++) {
        const char *kind = shown_kind(w->bot, i);
        if (kind)
            write_labelled(w, (double)w->bot->updates[i].received, LABEL("kind", kind), NO_LABEL);
    }
}

static void write_ended(const struct writing *w)
{
    static const char *const results[UNIT_OUTCOMES] = {
        [UNIT_OK] = "ok",           [UNIT_FAILED] = "failed",
        [UNIT_TIMEOUT] = "timeout", [UNIT_CANCELLED] = "cancelled",
        [UNIT_BLOCKED] = "blocked", [UNIT_EXPIRED] = "expired",
    };

    for (size_t i = 0; i <= update_kind_count; i++) {
        const char *kind = shown_kind(w->bot, i);
        for (size_t j = 0; kind && j < UNIT_OUTCOMES; j++)
            write_labelled(w, (double)w->bot->updates[i].ended[j], LABEL("kind", kind),
                           LABEL("result", results[j]));
    }
}

static void write_waiting(const struct writing *w)
{
    size_t pending = w->bot->inbox ? inbox_pending(w->bot->inbox) : 0;
    size_t running = running_count(w->bot);

    write_one(w, pending > running ? (double)(pending - running) : 0);
}

static void write_running(const struct writing *w)
{
    write_one(w, (double)running_count(w->bot));
}

/* ---- calls and requests ---- */

static void write_telegram(const struct writing *w)
{
    static const char *const results[TELEGRAM_OUTCOMES] = {
        [TELEGRAM_OK] = "ok",
        [TELEGRAM_FLOOD] = "too_many_requests",
        [TELEGRAM_ERROR] = "error",
        [TELEGRAM_UNREACHED] = "network",
    };

    for (unsigned i = 0; i < TELEGRAM_OUTCOMES; i++)
        write_labelled(w, (double)telegram_count(w->bot->telegram, i), LABEL("result", results[i]),
                       NO_LABEL);
}

static void write_outbound(const struct writing *w)
{
    write_one(w, (double)outbound_waiting_count(telegram_outbound(w->bot->telegram)));
}

static void write_http(const struct writing *w)
{
    static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};

    for (unsigned i = 0; i < 4; i++)
        write_labelled(w, (double)http_server_answered(w->bot->server, i + 2),
                       LABEL("status", classes[i]), NO_LABEL);
}

/* ---- stores ---- */

static void write_database(const struct writing *w)
{
    const struct store_figures *stores = readings_of_stores(w->bot->readings);

    write_one(w, stores && stores->is_database_up ? 1 : 0);
}

static void write_cache(const struct writing *w)
{
    const struct store_figures *stores = readings_of_stores(w->bot->readings);

    if (stores)
        write_one(w, stores->is_cache_up ? 1 : 0);
}

static void write_jobs(const struct writing *w)
{
    const struct store_figures *stores = readings_of_stores(w->bot->readings);

    for (size_t i = 0; stores && stores->are_counted && i < JOB_STATES; i++)
        write_labelled(w, (double)stores->jobs[i], LABEL("state", job_states[i]), NO_LABEL);
}

static void write_dead_letters(const struct writing *w)
{
    const struct store_figures *stores = readings_of_stores(w->bot->readings);

    if (!stores || !stores->are_counted)
        return;
    write_labelled(w, (double)stores->dead_updates, LABEL("kind", "update"), NO_LABEL);
    write_labelled(w, (double)stores->jobs[JOB_STATE_DEAD], LABEL("kind", "job"), NO_LABEL);
}

/* ---- plugins ---- */

static void write_plugins(const struct writing *w)
{
    const struct registry *registry = w->bot->registry;

    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.metrics.count; j++)
            write_labelled(w, readings_of(w->bot->readings, plugin, j) ? 1 : 0,
                           LABEL("plugin", plugin->name),
                           LABEL("metric", plugin->d.metrics.rows[j].name));
    }
}

/* ---- the process ---- */

static void write_coroutines(const struct writing *w)
{
    write_one(w, (double)loop_tasks_alive(w->bot->loop));
}

static void write_coroutines_max(const struct writing *w)
{
    write_one(w, (double)loop_tasks_max(w->bot->loop));
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void write_cpu(const struct writing *w)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        write_one(w, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
}

static void write_memory(const struct writing *w)
{
    FILE *file = fopen("/proc/self/statm", "re");
    int64_t pages = 0;

    if (!file)
        return;
    if (fscanf(file, "%*d %" SCNd64, &pages) == 1)
        write_one(w, (double)pages * (double)sysconf(_SC_PAGESIZE));
    fclose(file);
}

static void write_start(const struct writing *w)
{
    write_one(w, w->bot->started_at);
}

/* ---- the table ---- */

#define COUNTER AISHA_METRIC_COUNTER
#define GAUGE AISHA_METRIC_GAUGE

static const struct {
    const char *name;
    enum aisha_metric_type type;
    void (*write)(const struct writing *writing);
    const char *help;
} ours[] = {
    {"aisha_updates_received_total", COUNTER, write_received,
     "Updates from Telegram that were taken for handling since the start, also those that an earlier "
     "process had left."},
    {"aisha_updates_ended_total", COUNTER, write_ended,
     "Updates that have been handled since the start, by how that ended; expired ones were dropped "
     "because nobody waits for the answer any more."},
    {"aisha_updates_waiting", GAUGE, write_waiting,
     "Updates that were taken and wait for their turn."},
    {"aisha_updates_running", GAUGE, write_running, "Updates that are being handled."},
    {"aisha_telegram_requests_total", COUNTER, write_telegram,
     "Requests to the Bot API since the start, by result; repeated ones count again."},
    {"aisha_outbound_waiting", GAUGE, write_outbound,
     "Calls of the Bot API that wait for their turn, because of an earlier one to the same chat or of "
     "a limit."},
    {"aisha_http_requests_total", COUNTER, write_http,
     "Requests to our HTTP server that were answered since the start, by the class of the status."},
    {"aisha_database_up", GAUGE, write_database, "Whether the database answers."},
    {"aisha_cache_up", GAUGE, write_cache,
     "Whether Redis answers; without one the cache is in memory, and up."},
    {"aisha_jobs", GAUGE, write_jobs,
     "Jobs by state; those that are done or cancelled are forgotten after 7 days."},
    {"aisha_dead_letters", GAUGE, write_dead_letters,
     "Updates and jobs that were given up and wait for an operator, see \"aisha dead-letters\"."},
    {"aisha_plugin_metrics_up", GAUGE, write_plugins,
     "Whether a plugin's metric could be read; when not, it is left out and the log says why."},
    {"aisha_coroutines", GAUGE, write_coroutines, "Coroutines alive."},
    {"aisha_coroutines_max", GAUGE, write_coroutines_max, "Coroutines that may be alive at once."},
    {"process_cpu_seconds_total", COUNTER, write_cpu,
     "Total user and system CPU time spent in seconds."},
    {"process_resident_memory_bytes", GAUGE, write_memory, "Resident memory size in bytes."},
    {"process_start_time_seconds", GAUGE, write_start,
     "Start time of the process since unix epoch in seconds."},
};

bool metrics_is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(ours[i].name, name) == 0)
            return true;
    return false;
}

void metrics_write_ours(struct text *text, const struct bot *bot)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        const struct writing writing = {.text = text, .bot = bot, .name = ours[i].name};
        metrics_text_head(text, ours[i].name, ours[i].type, ours[i].help);
        ours[i].write(&writing);
    }
}
