/*
 * What the compiler cannot see in a plugin's tables, said before anything runs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/bot/button.h"
#include "host/bot/cron.h"
#include "host/bot/i18n.h"
#include "host/bot/loader.h"
#include "host/bot/update_kind.h"
#include "host/core/arena.h"
#include "host/store/jobs.h"
#include "host/telegram/api.h"

enum {
    MAX_NAME = 32,
    MAX_METRIC_NAME = 64,
    MAX_STATE_DATA = 1024,
    MAX_WEBHOOK_BODY = 64 << 20,
    MAX_STREAMED_BODY = 1 << 30
};

/* The plugin at fault, and where its section is. */
struct check {
    const struct plugin *plugin;
    const char *path;
    const struct catalogue *host_texts;
    struct problems *problems;
};

static AISHA_PRINTF(2, 3) void complain(const struct check *check, const char *format, ...)
{
    char cause[512];
    va_list args;

    va_start(args, format);
    vsnprintf(cause, sizeof cause, format, args);
    va_end(args);
    problem_add(check->problems, check->path, check->plugin->line,
                "this is for the plugin's author; switch it off with \"enabled = no\" until then",
                "plugin \"%s\": %s", check->plugin->name, cause);
}

static void check_name(const struct check *check, const char *what, const char *name, size_t max)
{
    if (!name || !*name)
        complain(check, "a %s has no name", what);
    else if (strlen(name) > max ||
             strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        complain(check, "the %s \"%.40s\" is not 1 to %zu of a-z 0-9 _", what, name, max);
}

static void check_run(const struct check *check, const char *what, const char *name,
                      aisha_handler *run)
{
    if (!run)
        complain(check, "the %s \"%s\" has no .run", what, name ? name : "");
}

static void check_text(const struct check *check, const char *what, const char *text)
{
    if (!text || !*text)
        complain(check, "a %s has no text", what);
    else if (*text == '@' && !i18n_has(check->plugin->texts, text + 1) &&
             !i18n_has(check->host_texts, text + 1))
        complain(check,
                 "a %s names the text \"%s\", which is in no catalogue: %s; what has no \"@\" in "
                 "front is the text itself",
                 what, text + 1, loader_no_text(check->problems->arena, check->plugin));
}

static void check_unique(const struct check *check, const char *what, const void *rows,
                         size_t count, size_t row_size)
{
    for (size_t i = 0; i < count; i++) {
        const char *const *a = (const void *)((const char *)rows + i * row_size);
        for (size_t j = 0; j < i; j++) {
            const char *const *b = (const void *)((const char *)rows + j * row_size);
            if (*a && *b && strcmp(*a, *b) == 0)
                complain(check, "two %ss are called \"%s\"", what, *a);
        }
    }
}

static bool is_message_field(const char *name)
{
    const struct api_type *type = api_find_type("message");

    for (size_t i = 0; name && i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return true;
    return false;
}

static void check_routes(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;

    for (size_t i = 0; i < d->commands.count; i++) {
        check_name(check, "command", d->commands.rows[i].name, MAX_NAME);
        check_run(check, "command", d->commands.rows[i].name, d->commands.rows[i].run);
        if (!d->commands.rows[i].is_hidden)
            check_text(check, "command's summary", d->commands.rows[i].summary);
        if ((unsigned)d->commands.rows[i].scope > AISHA_SCOPE_ADMINS)
            complain(check, "the command /%s has a scope that this host does not know",
                     d->commands.rows[i].name);
    }
    for (size_t i = 0; i < d->callbacks.count; i++) {
        check_name(check, "callback", d->callbacks.rows[i].name, MAX_NAME);
        check_run(check, "callback", d->callbacks.rows[i].name, d->callbacks.rows[i].run);
        if (d->callbacks.rows[i].state && !plugin_state(check->plugin, d->callbacks.rows[i].state))
            complain(check, "the callback \"%s\" answers the state \"%s\", which does not exist",
                     d->callbacks.rows[i].name, d->callbacks.rows[i].state);
        if (d->callbacks.rows[i].payload_size > AISHA_PAYLOAD_MAX)
            complain(
                check, "the payload of the callback \"%s\" has %zu bytes; %d fit into a button",
                d->callbacks.rows[i].name, d->callbacks.rows[i].payload_size, AISHA_PAYLOAD_MAX);
    }
    for (size_t i = 0; i < d->states.count; i++) {
        check_name(check, "state", d->states.rows[i].name, MAX_NAME);
        check_run(check, "state", d->states.rows[i].name, d->states.rows[i].run);
        if (d->states.rows[i].field && !is_message_field(d->states.rows[i].field))
            complain(check, "the Bot API's Message has no field \"%s\"", d->states.rows[i].field);
        if (d->states.rows[i].data_size > MAX_STATE_DATA)
            complain(check, "the data of the state \"%s\" is over %d bytes; keep it in a table",
                     d->states.rows[i].name, MAX_STATE_DATA);
    }
    check_unique(check, "callback", d->callbacks.rows, d->callbacks.count, d->callbacks.row_size);
    check_unique(check, "state", d->states.rows, d->states.count, d->states.row_size);
}

static bool is_text_option(const struct aisha_plugin *d, const char *name)
{
    for (size_t i = 0; i < d->options.count; i++)
        if (strcmp(d->options.rows[i].name, name) == 0)
            return d->options.rows[i].type == AISHA_OPTION_TEXT;
    return false;
}

static void check_webhooks(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;

    for (size_t i = 0; i < d->webhooks.count; i++) {
        const struct aisha_webhook *row = &d->webhooks.rows[i];
        check_name(check, "webhook", row->name, MAX_NAME);
        check_run(check, "webhook", row->name, row->run);
        if (row->token && !is_text_option(d, row->token))
            complain(check,
                     "the token of the webhook \"%s\" is \"%s\", which is no option of type text",
                     row->name, row->token);
        if (row->max_body_bytes > (row->is_streamed ? MAX_STREAMED_BODY : MAX_WEBHOOK_BODY))
            complain(check, "the webhook \"%s\" takes bodies of over %d MiB", row->name,
                     (row->is_streamed ? MAX_STREAMED_BODY : MAX_WEBHOOK_BODY) >> 20);
    }
    check_unique(check, "webhook", d->webhooks.rows, d->webhooks.count, d->webhooks.row_size);
}

static void check_jobs(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;
    int64_t next;

    for (size_t i = 0; i < d->jobs.count; i++) {
        const struct aisha_job_kind *row = &d->jobs.rows[i];
        check_name(check, "kind of job", row->name, MAX_NAME);
        check_run(check, "kind of job", row->name, row->run);
        if (row->data_size > JOB_MAX_BYTES)
            complain(check, "the data of the job \"%s\" is over %d bytes; keep it in a table",
                     row->name, JOB_MAX_BYTES);
        if (row->attempts < 0 || row->timeout_s < 0 || row->pause_s < 0 || row->at_once < 0)
            complain(check, "the job \"%s\" has a negative number", row->name);
    }
    for (size_t i = 0; i < d->schedules.count; i++) {
        const struct aisha_schedule *row = &d->schedules.rows[i];
        check_name(check, "schedule", row->name, MAX_NAME);
        if (!row->job || !plugin_job(check->plugin, row->job))
            complain(check, "the schedule \"%s\" enqueues the job \"%s\", which does not exist",
                     row->name, row->job ? row->job : "");
        if (!row->cron || cron_next(row->cron, 0, &next) < 0)
            complain(check,
                     "the schedule \"%s\" comes at \"%s\", which is not minute hour day month"
                     " weekday, or never",
                     row->name, row->cron ? row->cron : "");
    }
    for (size_t i = 0; i < d->job_endings.count; i++)
        if (!d->job_endings.rows[i].sql)
            complain(check, "row %zu of .job_endings has no .sql", i + 1);
    check_unique(check, "kind of job", d->jobs.rows, d->jobs.count, d->jobs.row_size);
    check_unique(check, "schedule", d->schedules.rows, d->schedules.count, d->schedules.row_size);
}

static void check_events(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;

    for (size_t i = 0; i < d->messages.count; i++) {
        const char *field = d->messages.rows[i].field;
        check_run(check, "message", field, d->messages.rows[i].run);
        if (!is_message_field(field))
            complain(check, "the Bot API's Message has no field \"%s\"", field ? field : "");
    }
    for (size_t i = 0; i < d->updates.count; i++) {
        const char *field = d->updates.rows[i].field;
        check_run(check, "update", field, d->updates.rows[i].run);
        if (!update_kind_find(field))
            complain(check, "the Bot API's Update has no field \"%s\"", field ? field : "");
        else if (update_kind_find(field)->is_ours)
            complain(check, "\"%s\" never comes to .updates; use .messages or .callbacks", field);
    }
    for (size_t i = 0; i < d->menu.count; i++) {
        const char *callback = d->menu.rows[i].callback;
        check_text(check, "menu entry", d->menu.rows[i].text);
        if (!callback || !plugin_callback(check->plugin, callback))
            complain(check, "a menu entry names the callback \"%s\", which does not exist",
                     callback ? callback : "");
        if ((unsigned)d->menu.rows[i].scope > AISHA_SCOPE_ADMINS)
            complain(check, "a menu entry has a scope that this host does not know");
    }
}

static bool ends_in_total(const char *name)
{
    size_t size = strlen(name);

    return size >= 6 && strcmp(name + size - 6, "_total") == 0;
}

static void check_metrics(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;

    for (size_t i = 0; i < d->metrics.count; i++) {
        const struct aisha_metric_row *row = &d->metrics.rows[i];
        check_name(check, "metric", row->name, MAX_METRIC_NAME);
        if (!row->read || !row->help || !*row->help)
            complain(check, "the metric \"%s\" has no .read, or no .help",
                     row->name ? row->name : "");
        if (row->type != AISHA_METRIC_COUNTER && row->type != AISHA_METRIC_GAUGE)
            complain(check, "the metric \"%s\" has a type that this host does not know",
                     row->name ? row->name : "");
        else if (row->name && ends_in_total(row->name) != (row->type == AISHA_METRIC_COUNTER))
            complain(check, "the metric \"%s\": counters end in \"_total\", and nothing else does",
                     row->name);
    }
    check_unique(check, "metric", d->metrics.rows, d->metrics.count, d->metrics.row_size);
}

static void check_rest(const struct check *check)
{
    const struct aisha_plugin *d = &check->plugin->d;

    for (size_t i = 0; i < d->migrations.count; i++) {
        const struct aisha_migration *row = &d->migrations.rows[i];
        if (row->version != (int)i + 1 || !row->name)
            complain(check, "migration %d is number %zu of its table, or has no name", row->version,
                     i + 1);
        if (!row->sql && !(row->sqlite && row->postgres))
            complain(check, "migration %d needs .sql, or .sqlite and .postgres", row->version);
    }
    for (size_t i = 0; i < d->provides.count; i++) {
        check_name(check, "service", d->provides.rows[i].name, MAX_NAME);
        if (!d->provides.rows[i].functions)
            complain(check, "the service \"%s\" has no functions", d->provides.rows[i].name);
    }
    for (size_t i = 0; i < d->helpers.count; i++) {
        check_name(check, "helper", d->helpers.rows[i].name, MAX_NAME);
        if (!d->helpers.rows[i].run == !d->helpers.rows[i].object)
            complain(check, "the helper \"%s\" needs either .run or .object",
                     d->helpers.rows[i].name);
        const char *object = d->helpers.rows[i].object;
        const char *file = object ? arena_printf(check->problems->arena, "%s/%s.so",
                                                 check->plugin->directory, object)
                                  : NULL;
        if (file && access(file, R_OK) < 0)
            complain(check, "the helper \"%s\" is missing: %s", d->helpers.rows[i].name, file);
    }
    for (size_t i = 0; i < d->requires.count; i++)
        check_name(check, "requirement", d->requires.rows[i].name, MAX_NAME);
    for (size_t i = 0; i < d->health.count; i++) {
        check_name(check, "health check", d->health.rows[i].name, MAX_NAME);
        check_run(check, "health check", d->health.rows[i].name, d->health.rows[i].run);
    }
    check_unique(check, "health check", d->health.rows, d->health.count, d->health.row_size);
    check_unique(check, "helper", d->helpers.rows, d->helpers.count, d->helpers.row_size);
}

void plugin_check(const struct plugin *plugin, const struct registry_options *options,
                  struct problems *problems)
{
    const struct check check = {.plugin = plugin,
                                .path = options->plugins_path,
                                .host_texts = options->host_texts,
                                .problems = problems};

    check_name(&check, "plugin", plugin->d.name, 16);
    check_routes(&check);
    check_events(&check);
    check_webhooks(&check);
    check_jobs(&check);
    check_metrics(&check);
    check_rest(&check);
}
