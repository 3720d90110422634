/*
 * Start, run, end. The start is a task because it waits for the database and for Telegram; so is
 * the end, because handlers get some time to finish.
 */
#include "host/bot/bot.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/bot/album.h"
#include "host/bot/black_box.h"
#include "host/bot/blob_sweep.h"
#include "host/bot/dead_letters.h"
#include "host/bot/health.h"
#include "host/bot/helper_process.h"
#include "host/bot/incoming.h"
#include "host/bot/job_runner.h"
#include "host/bot/lanes.h"
#include "host/bot/memory.h"
#include "host/bot/metrics_readings.h"
#include "host/bot/outbound_share.h"
#include "host/bot/profile.h"
#include "host/bot/running.h"
#include "host/bot/temp.h"
#include "host/bot/tidy.h"
#include "host/bot/unit.h"
#include "host/bot/web.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/http_client.h"
#include "host/io/http_server.h"
#include "host/store/blob.h"
#include "host/store/cache.h"
#include "host/store/db.h"
#include "host/store/dialog_copies.h"
#include "host/store/inbox.h"
#include "host/store/inbox_gate.h"
#include "host/store/migrate.h"
#include "host/store/schema.h"
#include "host/store/user_copies.h"
#include "host/telegram/client.h"
#include "host/telegram/poller.h"
#include "host/telegram/webhook.h"

enum {
    WORKER_THREADS = 2,
    DRAIN_MS = 10000,
    FLUSH_EVERY_MS = 500,
    RETRY_START_MS = 2000,
};

/* ---- the end ---- */

/* What is on disk is safe; a handler that ignores its end must not keep the process. */
static void on_last_call(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    log_error("bot", "a handler ignores that it was cancelled; ending without it");
    _exit(EXIT_FAILURE);
}

static AISHA_ASYNC void drain(void *arg)
{
    struct bot *bot = arg;
    struct wait idle;

    incoming_stop(bot);
    job_runner_stop(bot);
    if (bot->inbox) {
        units_give_up_waiting(bot);
        wait_init(&idle, bot->loop);
        bot->idle = &idle;
        if (inbox_pending(bot->inbox) > 0 && wait_for(&idle, DRAIN_MS) < 0)
            log_warn("bot",
                     "%zu handlers did not finish in time; they are repeated at the next start",
                     inbox_pending(bot->inbox));
        bot->idle = NULL;
        aisha_ignore(inbox_flush(bot->inbox));
    }
    web_stop(bot);
    loop_stop(bot->loop);
    const struct timeval last = {.tv_sec = DRAIN_MS / 1000};
    event_base_once(loop_base(bot->loop), -1, EV_TIMEOUT, on_last_call, bot, &last);
}

static void bot_stop(struct bot *bot, int result)
{
    if (result < 0)
        bot->result = result;
    if (bot->is_stopping)
        return;
    bot->is_stopping = true;
    if (task_start(bot->loop, "stop", drain, bot, NULL) < 0)
        loop_stop(bot->loop);
}

void bot_unit_ended(struct bot *bot)
{
    size_t pending = inbox_pending(bot->inbox);

    if (bot->idle && pending == 0)
        wait_wake(bot->idle, 0);
    incoming_unit_ended(bot);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct bot *bot = arg;

    (void)what;
    if (bot->is_stopping) {
        log_info("bot", "again %s: not waiting any longer", strsignal((int)number));
        loop_stop(bot->loop);
        return;
    }
    log_info("bot", "%s: finishing what runs", strsignal((int)number));
    bot_stop(bot, 0);
}

/* ---- updates ---- */

void bot_refused(struct bot *bot, const char *why)
{
    log_error("bot",
              "Telegram does not accept the token: %s; get the right one from @BotFather and "
              "put it into BOT_TOKEN",
              why);
    bot_stop(bot, -AISHA_E_DENIED);
}

static void remove_file(void *path)
{
    aisha_ignore(unlink(path));
}

const char *bot_temp_path(struct bot *bot, struct arena *arena, const char *suffix)
{
    char *path = arena_printf(arena, "%s/%llu%s", bot->temp_directory,
                              (unsigned long long)++bot->temp_count, suffix);

    arena_defer(arena, remove_file, path);
    return path;
}

static AISHA_ASYNC void flush_from_time_to_time(void *arg)
{
    struct bot *bot = arg;

    while (wait_sleep(bot->loop, FLUSH_EVERY_MS) == 0)
        aisha_ignore(inbox_flush(bot->inbox));
}

/* ---- the start ---- */

static AISHA_ASYNC int try_to_migrate(struct bot *bot)
{
    const char *error = "";

    int r = migrate(bot->db, &bot->arena, "host", host_migrations, host_migration_count, &error);
    for (size_t i = 0; r == 0 && i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        r = migrate(bot->db, &bot->arena, plugin->name, plugin->d.migrations.rows,
                    plugin->d.migrations.count, &error);
    }
    if (r < 0 && r != -AISHA_E_UNAVAILABLE)
        log_error("bot", "the tables could not be brought up to date: %s", error);
    return r;
}

/* A server may start after us; a file that cannot be used now will not get better by waiting. */
static AISHA_ASYNC int migrate_all(struct bot *bot)
{
    int r;

    while ((r = try_to_migrate(bot)) == -AISHA_E_UNAVAILABLE && db_is_postgres(bot->db)) {
        r = wait_sleep(bot->loop, RETRY_START_MS);
        if (r < 0)
            return r;
    }
    if (r == -AISHA_E_UNAVAILABLE)
        log_error("bot", "the tables could not be brought up to date: the database cannot be used");
    return r;
}

int bot_open_blobs(struct bot *bot)
{
    const struct blob_options options = {
        .loop = bot->loop,
        .workers = bot->workers,
        .http = bot->http,
        .url = bot->config->blob.url,
        .public_url = bot->config->blob.public_url,
        .temp_directory = bot->temp_directory,
    };

    return blob_store_open(&bot->blobs, &options, &bot->arena, &bot->blobs_error);
}

/* The number in front of a token is the bot's id: several bots may share a Redis. */
int bot_open_cache(struct bot *bot, const char **ret_error)
{
    const char *token = bot->config->telegram.token;
    const char *scope = arena_strndup(&bot->arena, token, strcspn(token, ":"));

    return cache_open(&bot->cache, bot->loop, bot->config->redis.url, scope, &bot->arena,
                      ret_error);
}

/* What we do from now on they would do, too. What is not committed is not done. */
static void on_database_taken(const char *who, void *user)
{
    log_error("bot", "another host has taken over the database: %s; ending at once", who);
    black_box_close(user); /* nobody is to blame */
    _exit(EXIT_FAILURE);
}

static AISHA_ASYNC int hold_database(struct bot *bot)
{
    int r = db_hold(bot->db, on_database_taken, bot);

    if (r == -AISHA_E_CONFLICT)
        log_error("bot",
                  "DATABASE_URL: the database is in use by another host (%s); stop it first,"
                  " or give this one a database of its own",
                  db_last_error(bot->db));
    else if (r < 0 && r != -AISHA_E_CANCELED)
        log_error("bot", "DATABASE_URL: %s", db_last_error(bot->db));
    return r;
}

static AISHA_ASYNC int open_stores(struct bot *bot)
{
    const char *error = "";

    int r = db_open(&bot->db, bot->loop, bot->config->database.url, &bot->arena, &error);
    if (r < 0) {
        log_error("bot", "DATABASE_URL: %s", error);
        return r;
    }
    r = bot_open_blobs(bot);
    if (r < 0) {
        log_error("bot", "BLOB_URL: %s", bot->blobs_error);
        return r;
    }
    r = bot_open_cache(bot, &error);
    if (r < 0) {
        log_error("bot", "REDIS_URL: %s", error);
        return r;
    }
    r = dialog_copies_new(&bot->dialogs, bot->loop, bot->db, bot->cache);
    if (r == 0)
        r = user_copies_new(&bot->users, bot->loop);
    if (r == 0 && cache_is_shared(bot->cache) && bot->config->outbound.rate > 0)
        r = outbound_share_start(&bot->outbound_share, bot->loop, bot->cache,
                                 telegram_outbound(bot->telegram), (int)bot->config->outbound.rate);
    if (r == 0)
        r = hold_database(bot);
    if (r == 0)
        r = migrate_all(bot);
    if (r < 0)
        return r;
    telegram_set_memory(bot->telegram, &bot_memory, bot);
    r = secret_get(bot->db, "buttons", &bot->button_key);
    if (r == 0)
        r = secret_get(bot->db, "files", &bot->files_key);
    if (r < 0)
        log_error("bot", "the keys for signatures cannot be read: %s", aisha_error_text(r));
    return r;
}

static AISHA_ASYNC int get_me(struct bot *bot, struct telegram_failure *failure)
{
    const struct aisha_user *me;

    int r = telegram_call(bot->telegram, &bot->arena, "getMe", NULL, &me, failure);
    if (r < 0)
        return r;
    bot->id = me->id;
    bot->username = me->username ? me->username : "";
    return bot->config->telegram.is_webhook ? 0
                                            : webhook_remove(bot->telegram, &bot->arena, failure);
}

/* Asks Telegram who we are, for as long as it takes. */
static AISHA_ASYNC int introduce(struct bot *bot)
{
    struct telegram_failure failure;
    int r;

    while ((r = get_me(bot, &failure)) < 0) {
        if (r == -AISHA_E_CANCELED)
            return r;
        if (r == -AISHA_E_TELEGRAM && (failure.error_code == 401 || failure.error_code == 404)) {
            bot_refused(bot, failure.description);
            return -AISHA_E_DENIED;
        }
        log_warn("bot", "Telegram cannot be reached: %s; trying again",
                 failure.description ? failure.description : aisha_error_text(r));
        r = wait_sleep(bot->loop, RETRY_START_MS);
        if (r < 0)
            return r;
    }
    return 0;
}

static AISHA_ASYNC int begin(struct bot *bot)
{
    int r = open_stores(bot);
    if (r == 0)
        r = introduce(bot);
    if (r == 0)
        black_box_open(bot);
    if (r == 0)
        r = inbox_open(&bot->inbox, bot->loop, bot->db, bot->id, unit_deliver, bot);
    if (r < 0)
        return r;
    r = tidy_start(bot);
    if (r == 0)
        r = job_runner_start(bot);
    if (r == 0)
        r = inbox_replay(bot->inbox);
    if (r == 0)
        r = task_start(bot->loop, "flush", flush_from_time_to_time, bot, NULL);
    if (r == 0)
        r = task_start(bot->loop, "running", running_watch, bot, NULL);
    if (r == 0)
        r = task_start(bot->loop, "dead letters", dead_letters_watch, bot, NULL);
    if (r == 0)
        r = blob_sweep_start(bot);
    if (r == 0 && !bot->is_stopping)
        r = incoming_start(bot);
    if (r < 0)
        return r;
    log_info("bot", "@%s is running with %zu plugins", bot->username, bot->registry->count);
    profile_publish(bot);
    return 0;
}

static AISHA_ASYNC void begin_task(void *arg)
{
    struct bot *bot = arg;

    int r = begin(bot);
    if (r == 0 || r == -AISHA_E_CANCELED)
        return;
    if (r != -AISHA_E_DENIED)
        log_error("bot", "the bot could not be started: %s", aisha_error_text(r));
    bot_stop(bot, r);
}

/* ---- everything that needs no waiting ---- */

int bot_init(struct bot *bot)
{
    size_t max_running = (size_t)bot->config->limits.max_in_flight;
    const struct loop_options loop_options = {
        .max_tasks = 4 * max_running + 2048, /* progress, chat actions, endings, HTTP requests */
        .report_overflow = true,
    };
    const struct http_client_options http = {.slots = (unsigned)bot->config->http.slots,
                                             .user_agent = "aisha"};
    const struct telegram_options telegram = {
        .api_url = bot->config->telegram.api_url,
        .token = bot->config->telegram.token,
        .is_local = bot->config->telegram.is_local,
        .limits = {.rate = (double)bot->config->outbound.rate,
                   .chat_rate = (double)bot->config->outbound.chat_rate,
                   .group_rate = bot->config->outbound.chat_rate
                                     ? (double)bot->config->outbound.group_rate
                                     : 0},
    };

    TAILQ_INIT(&bot->running);
    signal(SIGPIPE, SIG_IGN);
    int r = loop_new(&bot->loop, &loop_options);
    if (r == 0)
        r = temp_open(&bot->arena, &bot->temp_directory);
    if (r == 0)
        r = workers_new(&bot->workers, bot->loop, WORKER_THREADS);
    if (r == 0)
        r = http_client_new(&bot->http, bot->loop, &http);
    if (r == 0)
        r = telegram_new(&bot->telegram, bot->loop, bot->http, &telegram);
    if (r == 0)
        r = helper_pool_new(&bot->helpers, bot->loop, bot->program);
    if (r == 0)
        r = lanes_new(&bot->lanes, max_running, unit_start, bot);
    if (r == 0 && registry_takes_albums(bot->registry))
        r = albums_new(&bot->albums, bot->loop);
    return r;
}

void bot_done(struct bot *bot)
{
    black_box_close(bot);
    health_board_free(bot->health);
    readings_free(bot->readings);
    http_server_free(bot->server);
    poller_free(bot->poller);
    inbox_gate_free(bot->gate);
    inbox_free(bot->inbox);
    job_runner_free(bot->jobs);
    albums_free(bot->albums);
    lanes_free(bot->lanes);
    helper_pool_free(bot->helpers);
    telegram_free(bot->telegram);
    http_client_free(bot->http);
    outbound_share_free(bot->outbound_share);
    dialog_copies_free(bot->dialogs);
    user_copies_free(bot->users);
    cache_close(bot->cache);
    blob_store_close(bot->blobs);
    db_close(bot->db);
    workers_free(bot->workers);
    temp_close(bot->temp_directory);
    loop_free(bot->loop);
    arena_clear(&bot->arena);
}

static int run_loop(struct bot *bot)
{
    struct event *const signals[] = {
        evsignal_new(loop_base(bot->loop), SIGINT, on_signal, bot),
        evsignal_new(loop_base(bot->loop), SIGTERM, on_signal, bot),
    };

    for (size_t i = 0; i < 2; i++)
        evsignal_add(signals[i], NULL);
    int r = task_start(bot->loop, "start", begin_task, bot, NULL);
    if (r == 0)
        r = loop_run(bot->loop);
    for (size_t i = 0; i < 2; i++)
        event_free(signals[i]);
    return r < 0 ? r : bot->result;
}

int bot_run(const struct config *config, const struct registry *registry,
            const struct catalogue *texts, const char *program)
{
    struct bot bot = {.config = config, .registry = registry, .texts = texts, .program = program};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    bot.started_at = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    int r = bot_init(&bot);
    if (r == 0)
        r = web_start(&bot);
    if (r == 0)
        r = health_board_new(&bot.health, &bot);
    if (r == 0)
        r = readings_new(&bot.readings, &bot);
    if (r == 0)
        r = run_loop(&bot);
    else
        log_error("bot", "the bot could not be started: %s", aisha_error_text(r));
    bot_done(&bot);
    return r;
}
