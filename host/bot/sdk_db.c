/*
 * The SDK: db.h. The first write of a unit takes along what makes it count once: the mark that its
 * update is done, and the change of its dialogue.
 */
#include <stdbool.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/outage.h"
#include "host/bot/unit.h"
#include "host/core/arena.h"
#include "host/store/db.h"

static int note(struct aisha_ctx *ctx, int r)
{
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    return r;
}

/* Of a write that carries our own statements. has_result: the caller needs to know what it found,
 * which nobody can tell any more after a broken connection. */
static AISHA_ASYNC int written(struct aisha_ctx *ctx, int r, bool has_result)
{
    if (r == -AISHA_E_UNAVAILABLE && !ctx->is_committed) {
        int settled = outage_settle(ctx);
        if (settled < 0)
            return settled;
        if (settled == 0) {
            ctx_own_statements_took_effect(ctx);
            return has_result ? r : 0;
        }
    }
    if (r == 0)
        ctx_own_statements_took_effect(ctx);
    return note(ctx, r);
}

static AISHA_ASYNC int write_all(struct aisha_ctx *ctx, const struct aisha_rows **ret_rows,
                                 const struct aisha_statement *statements, size_t count)
{
    int r = unit_wait_stored(ctx);
    if (r < 0)
        return r;
    struct ctx_write all = ctx_write(ctx, statements, count);
    const struct aisha_rows **rows = arena_alloc(&ctx->arena, all.count * sizeof *rows);
    r = db_batch(ctx->bot->db, &ctx->arena, all.statements, all.count, rows);
    r = written(ctx, r, ret_rows != NULL);
    if (r == 0 && ret_rows)
        memcpy(ret_rows, rows + all.before, count * sizeof *rows);
    return r;
}

/* `aisha check` asks before there is one. */
static int refuse_without(struct aisha_ctx *ctx)
{
    return ctx->bot->db ? 0 : aisha_fail(ctx, -AISHA_E_UNAVAILABLE, "there is no database yet");
}

int aisha_db_query_(struct aisha_ctx *ctx, const struct aisha_rows **ret_rows,
                    const struct aisha_statement *statement)
{
    int r = handler_has_memory(ctx);

    if (r == 0)
        r = refuse_without(ctx);
    if (r < 0)
        return r;
    if (ctx->tx)
        return note(ctx, db_tx_query(ctx->tx, &ctx->arena, statement, ret_rows));
    if (db_is_read_only(ctx->bot->db, statement->sql))
        return note(ctx, db_query(ctx->bot->db, &ctx->arena, statement, ret_rows));
    return write_all(ctx, ret_rows, statement, 1);
}

int aisha_db_batch(struct aisha_ctx *ctx, const struct aisha_rows **ret_rows,
                   const struct aisha_statement *statements, size_t count)
{
    if (ctx->tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_db_batch() within a transaction");
    int r = refuse_without(ctx);
    if (r < 0)
        return r;
    return count ? write_all(ctx, ret_rows, statements, count) : 0;
}

bool aisha_db_in_transaction(struct aisha_ctx *ctx)
{
    return ctx->tx != NULL;
}

int aisha_db_begin(struct aisha_ctx *ctx)
{
    if (ctx->tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_db_begin() within a transaction");
    int r = refuse_without(ctx);
    if (r == 0)
        r = unit_wait_stored(ctx);
    if (r < 0)
        return r;
    return note(ctx, db_begin(ctx->bot->db, &ctx->tx));
}

int aisha_db_commit(struct aisha_ctx *ctx)
{
    struct db_tx *tx = ctx->tx;

    if (!tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_db_commit() without a transaction");
    struct ctx_write own = ctx_write(ctx, NULL, 0);
    int r = 0;
    for (size_t i = 0; r == 0 && i < own.count; i++)
        r = db_tx_query(tx, &ctx->arena, &own.statements[i], NULL);
    ctx->tx = NULL;
    if (r < 0) {
        db_rollback(tx);
        return note(ctx, r);
    }
    return written(ctx, db_commit(tx), false);
}

int aisha_db_rollback(struct aisha_ctx *ctx)
{
    struct db_tx *tx = ctx->tx;

    if (!tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_db_rollback() without a transaction");
    ctx->tx = NULL;
    db_rollback(tx);
    return 0;
}
