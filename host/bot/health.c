#include "host/bot/health.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "host/store/blob.h"
#include "host/store/db.h"

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static AISHA_ASYNC const char *check_start(struct bot *bot, struct arena *arena)
{
    (void)arena;
    if (bot->is_stopping)
        return "it is stopping";
    return bot->inbox ? NULL : "it is still starting: see the log for what it waits for";
}

/* Writes: reading works on a full disk and on a server that only reads, too. */
static AISHA_ASYNC const char *check_database(struct bot *bot, struct arena *arena)
{
    if (!bot->db)
        return "it is not open yet";
    int r =
        db_query(bot->db, arena, &AISHA_SQL("UPDATE secrets SET created_at = created_at"), NULL);
    if (r == 0)
        return NULL;
    return arena_printf(arena,
                        "cannot be written: %s; is the server up, the disk full? The log says more",
                        aisha_error_text(r));
}

static AISHA_ASYNC const char *check_files(struct bot *bot, struct arena *arena)
{
    const char *key =
        arena_printf(arena, "host/health-%d", (int)getpid()); /* others may look, too */
    static const char text[] = "good";
    const void *bytes;
    size_t size;

    if (!bot->blobs)
        return "they are not open yet";
    int r = blob_put(bot->blobs, key, text, sizeof text);
    if (r == 0)
        r = blob_get(bot->blobs, arena, key, sizeof text, &bytes, &size);
    if (r == 0)
        r = blob_delete(bot->blobs, key);
    return r == 0 ? NULL
                  : arena_printf(arena, "cannot be written and read: %s; look at BLOB_URL",
                                 aisha_error_text(r));
}

size_t health_check(struct bot *bot, struct arena *arena, struct health ret[HEALTH_MAX])
{
    static const struct {
        const char *name;
        AISHA_ASYNC const char *(*run)(struct bot *bot, struct arena *arena);
    } checks[] = {
        {"start", check_start},
        {"database", check_database},
        {"files", check_files},
    };

    const size_t count = sizeof checks / sizeof *checks;

    for (size_t i = 0; i < count; i++) {
        int64_t before_us = now_us();
        const char *advice = checks[i].run(bot, arena);
        ret[i] = (struct health){.name = checks[i].name,
                                 .is_good = !advice,
                                 .latency_us = now_us() - before_us,
                                 .advice = advice};
    }
    return count;
}

static cJSON *to_json(const struct health *health, size_t count, bool is_ready)
{
    cJSON *root = cJSON_CreateObject(), *checks;

    cJSON_AddBoolToObject(root, "ready", is_ready);
    checks = cJSON_AddArrayToObject(root, "checks");
    for (size_t i = 0; i < count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", health[i].name);
        cJSON_AddBoolToObject(one, "ok", health[i].is_good);
        cJSON_AddNumberToObject(one, "latency_us", (double)health[i].latency_us);
        if (health[i].advice)
            cJSON_AddStringToObject(one, "advice", health[i].advice);
        cJSON_AddItemToArray(checks, one);
    }
    return root;
}

void health_handle(struct http_exchange *exchange, struct bot *bot)
{
    struct health health[HEALTH_MAX];
    bool is_ready = true;

    size_t count = health_check(bot, exchange->arena, health);
    for (size_t i = 0; i < count; i++)
        is_ready = is_ready && health[i].is_good;
    cJSON *json = to_json(health, count, is_ready);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        abort();
    const char *body = arena_strdup(exchange->arena, text);
    cJSON_free(text);
    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_respond(exchange, is_ready ? 200 : 503, "application/json", body, strlen(body));
}
