#include "host/bot/dead_letters.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/black_box.h"
#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/unit.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/store/dead_letters.h"
#include "host/store/inbox.h"

enum { LOOK_EVERY_MS = 3000 };

int dead_letters_put(struct aisha_ctx *ctx, const struct inbox_item *items, size_t count)
{
    struct aisha_statement statements[2 * ALBUM_MAX];
    struct bot *bot = ctx->bot;
    int attempts = black_box_deaths(bot, ctx->item.update_id);

    int r = unit_wait_stored(ctx);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        char *body = cJSON_PrintUnformatted(items[i].update);
        if (!body)
            abort();
        const struct dead_update dead = {.bot_id = bot->id,
                                         .update_id = items[i].update_id,
                                         .body = arena_strdup(&ctx->arena, body),
                                         .reason = ctx->failure_text,
                                         .attempts = attempts};
        cJSON_free(body);
        statements[2 * i] = dead_update_insert(&ctx->arena, &dead);
        statements[2 * i + 1] = inbox_done_statement(bot->inbox, &ctx->arena, &items[i]);
    }
    r = db_batch(bot->db, &ctx->arena, statements, 2 * count, NULL);
    if (r < 0)
        return r;
    ctx->is_committed = true;
    black_box_forget(bot, ctx->item.update_id);
    return 0;
}

static AISHA_ASYNC void take_again(struct bot *bot, struct arena *arena, int64_t update_id,
                                   const char *body)
{
    const struct aisha_statement forget = dead_update_delete(arena, bot->id, update_id);

    int r = inbox_receive_again(bot->inbox, body, &forget);
    if (r == 0)
        log_info("bot", "update=%lld is handled again, as an operator wants", (long long)update_id);
    else if (r == -AISHA_E_INVALID)
        log_error("bot", "update=%lld is in the dead letters and cannot be read",
                  (long long)update_id);
    else if (r != -AISHA_E_CONFLICT && r != -AISHA_E_CANCELED) /* its batch is not done: later */
        log_warn("bot", "update=%lld is not handled again yet: %s", (long long)update_id,
                 aisha_error_text(r));
}

void dead_letters_watch(void *arg)
{
    struct bot *bot = arg;
    int r = 0;

    while (r == 0 && !bot->is_stopping) {
        struct arena arena = {0};
        const struct aisha_rows *rows;
        if (dead_updates_marked(bot->db, &arena, bot->id, &rows) == 0)
            for (size_t i = 0; i < rows->row_count; i++)
                take_again(bot, &arena, aisha_cell_int(rows, i, "update_id"),
                           aisha_cell_text(rows, i, "body"));
        arena_clear(&arena);
        r = wait_sleep(bot->loop, LOOK_EVERY_MS);
    }
}
