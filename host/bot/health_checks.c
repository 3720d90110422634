/*
 * The host's own checks. A store that comes later adds a row and a function.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/health.h"
#include "host/core/arena.h"
#include "host/store/blob.h"
#include "host/store/cache.h"
#include "host/store/db.h"
#include "host/store/migrate.h"
#include "host/store/schema.h"
#include "host/telegram/client.h"
#include "host/telegram/codec.h"

enum {
    TELEGRAM_MS = 8 * 1000,
    RECENT_S = 300, /* an error of a delivery that is older is history */
};

/* A command is not: it opens the stores itself, and as they are. */
static bool is_host(const struct bot *bot)
{
    return bot->server != NULL;
}

static bool is_command(const struct bot *bot)
{
    return !is_host(bot);
}

static bool is_webhook(const struct bot *bot)
{
    return bot->config->telegram.is_webhook;
}

static AISHA_ASYNC struct health check_start(struct bot *bot, struct arena *arena)
{
    (void)arena;
    if (bot->is_stopping)
        return HEALTH_FAILED("it is stopping", NULL);
    return bot->inbox ? HEALTH_OK(NULL)
                      : HEALTH_FAILED("it is still starting", "see the log for what it waits for");
}

/* Writes: reading works on a full disk and on a server that only reads, too. */
static AISHA_ASYNC struct health check_database(struct bot *bot, struct arena *arena)
{
    const char *kind = bot->db && db_is_postgres(bot->db) ? "PostgreSQL" : "SQLite";
    const char *error = NULL;
    size_t applied = 0;

    if (bot->is_database_new)
        return HEALTH_OK("SQLite; the file is made at the first start");
    if (!bot->db)
        return HEALTH_FAILED(bot->database_error ? bot->database_error : "it is not open yet",
                             bot->database_error ? "correct DATABASE_URL" : "see the log");
    int r = migrate_count(bot->db, arena, "host", host_migrations, host_migration_count, &applied,
                          &error);
    if (r == 0 && applied > 0)
        r = db_query(bot->db, arena, &AISHA_SQL("UPDATE secrets SET created_at = created_at"),
                     NULL);
    if (r == 0 || r == -AISHA_E_CONFLICT) /* other tables than ours: see "migrations" */
        return HEALTH_OK(kind);
    const char *why = *db_last_error(bot->db) ? db_last_error(bot->db) : aisha_error_text(r);
    return HEALTH_FAILED(arena_printf(arena, "%s cannot be written: %s", kind, why),
                         db_is_postgres(bot->db) ? "is the server up, and DATABASE_URL right?"
                                                 : "is the disk full? The log says more");
}

static AISHA_ASYNC struct health check_migrations(struct bot *bot, struct arena *arena)
{
    const char *error = NULL;
    size_t applied = 0, missing = host_migration_count;

    if (!bot->db)
        return HEALTH_OK("not looked at: the database is not open");
    int r = migrate_count(bot->db, arena, "host", host_migrations, missing, &applied, &error);
    missing -= applied;
    for (size_t i = 0; r == 0 && i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        size_t count = plugin->d.migrations.count;
        applied = 0;
        r = migrate_count(bot->db, arena, plugin->name, plugin->d.migrations.rows, count, &applied,
                          &error);
        missing += count - applied;
    }
    if (r < 0)
        return HEALTH_FAILED(error && *error ? error : aisha_error_text(r), NULL);
    return missing == 0 ? HEALTH_OK(NULL)
                        : HEALTH_WARNING(arena_printf(arena, "%zu are missing", missing),
                                         "the next start applies them; or \"aisha migrate\" now");
}

/* It puts, gets, lists and deletes: each is a request, which S3 wants to be paid for. */
static bool is_with_remote_files(const struct bot *bot)
{
    return bot->blobs && blob_is_remote(bot->blobs);
}

static AISHA_ASYNC struct health check_files(struct bot *bot, struct arena *arena)
{
    const char *text, *advice;

    if (!bot->blobs)
        return HEALTH_FAILED(bot->blobs_error ? bot->blobs_error : "they are not open yet",
                             bot->blobs_error ? "correct BLOB_URL" : "see the log");
    if (blob_check(bot->blobs, arena, &text, &advice) < 0)
        return HEALTH_FAILED(text, advice);
    return HEALTH_OK(NULL);
}

static bool is_with_redis(const struct bot *bot)
{
    return *bot->config->redis.url != '\0';
}

static AISHA_ASYNC struct health check_redis(struct bot *bot, struct arena *arena)
{
    if (!bot->cache)
        return HEALTH_FAILED(bot->cache_error ? bot->cache_error : "it is not open yet",
                             bot->cache_error ? "correct REDIS_URL" : "see the log");
    const char *error = cache_check(bot->cache, arena);
    if (!error)
        return HEALTH_OK(NULL);
    return HEALTH_FAILED(error, "look at REDIS_URL and at that server; until it is back the bot "
                                "goes on without it, slower, and each host keeps limits alone");
}

static AISHA_ASYNC int ask_telegram(struct bot *bot, struct arena *arena, const char *method,
                                    const cJSON **ret_result, struct health *ret_health)
{
    const struct codec_body body = {.json = "{}"};
    struct telegram_failure failure = {0};

    int r =
        telegram_request(bot->telegram, arena, method, &body, TELEGRAM_MS, ret_result, &failure);
    if (r == 0)
        return 0;
    const char *what = failure.description ? failure.description : aisha_error_text(r);
    *ret_health = failure.error_code == 401 || failure.error_code == 404
                      ? HEALTH_FAILED(arena_printf(arena, "it does not accept the token: %s", what),
                                      "get the right one from @BotFather and put it into BOT_TOKEN")
                      : HEALTH_FAILED(arena_printf(arena, "it cannot be reached: %s", what),
                                      "look at TELEGRAM_API_URL, the network and its proxies");
    return r;
}

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int64_t number_of(const cJSON *object, const char *name)
{
    return codec_integer(cJSON_GetObjectItemCaseSensitive(object, name));
}

static AISHA_ASYNC struct health check_telegram(struct bot *bot, struct arena *arena)
{
    struct health health;
    const cJSON *me;

    if (ask_telegram(bot, arena, "getMe", &me, &health) < 0)
        return health;
    const char *name = text_of(me, "username");
    return HEALTH_OK(arena_printf(arena, "@%s", name ? name : "?"));
}

static AISHA_ASYNC struct health check_webhook(struct bot *bot, struct arena *arena)
{
    const char *public_url = bot->config->http.public_url;
    struct health health;
    const cJSON *info;

    if (strncmp(public_url, "https://", 8) != 0 &&
        strcmp(bot->config->telegram.api_url, "https://api.telegram.org") == 0)
        return HEALTH_FAILED("PUBLIC_URL does not start with https://",
                             "put a server that does TLS in front of HTTP_LISTEN");
    if (ask_telegram(bot, arena, "getWebhookInfo", &info, &health) < 0)
        return health;
    const char *url = text_of(info, "url"), *error = text_of(info, "last_error_message");
    int64_t error_at = number_of(info, "last_error_date");
    int64_t waiting = number_of(info, "pending_update_count");
    if (!url || strncmp(url, public_url, strlen(public_url)) != 0)
        return HEALTH_WARNING(url && *url ? "Telegram delivers to another address"
                                          : "Telegram does not deliver yet",
                              "the start sets it; when it stays so, another host has the same "
                              "token");
    if (error && error_at > (int64_t)time(NULL) - RECENT_S)
        return HEALTH_WARNING(arena_printf(arena, "Telegram could not deliver: %s; %lld wait",
                                           error, (long long)waiting),
                              "look at PUBLIC_URL, the server in front and its certificate");
    return HEALTH_OK(waiting ? arena_printf(arena, "%lld updates wait", (long long)waiting) : NULL);
}

const struct health_check health_checks[] = {
    {"start", .is_wanted = is_host, .run = check_start},
    {"database", .run = check_database},
    {"migrations", .is_wanted = is_command, .run = check_migrations},
    {"files", .run = check_files, .is_costly = is_with_remote_files},
    {"redis", .is_wanted = is_with_redis, .run = check_redis},
    {"telegram", .run = check_telegram, .is_remote = true},
    {"webhook", .is_wanted = is_webhook, .run = check_webhook, .is_remote = true},
};

const size_t health_check_count = sizeof health_checks / sizeof *health_checks;
