#include "host/bot/outage.h"

#include <aisha/db.h>

#include "host/bot/album.h"
#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/log.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/store/inbox.h"

enum { FIRST_PAUSE_MS = 250, LAST_PAUSE_MS = 15000 };

int outage_wait(struct aisha_ctx *ctx)
{
    int64_t pause_ms = ctx->tries < 6 ? FIRST_PAUSE_MS << ctx->tries : LAST_PAUSE_MS;

    for (;;) {
        int r = wait_sleep(ctx->bot->loop, pause_ms);
        if (r < 0)
            return r;
        /* A write: reading works on a full disk and on a locked file, too. */
        if (db_query(ctx->bot->db, &ctx->arena,
                     &AISHA_SQL("UPDATE secrets SET created_at = created_at"), NULL) == 0)
            return 0;
        pause_ms = pause_ms * 2 < LAST_PAUSE_MS ? pause_ms * 2 : LAST_PAUSE_MS;
    }
}

int outage_settle(struct aisha_ctx *ctx)
{
    const struct inbox_item *item = ctx->album ? &ctx->album->items[0] : &ctx->item;
    bool is_done = false;

    if (!db_is_postgres(ctx->bot->db))
        return OUTAGE_WITHOUT_EFFECT; /* SQLite knows */
    while (inbox_find_done(ctx->bot->inbox, &ctx->arena, item, &is_done) < 0) {
        int r = outage_wait(ctx);
        if (r < 0)
            return r;
    }
    if (is_done)
        log_info("bot", "update=%lld the connection broke, but its write took effect",
                 (long long)ctx->item.update_id);
    return is_done ? 0 : OUTAGE_WITHOUT_EFFECT;
}
