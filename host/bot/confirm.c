/*
 * The SDK: aisha_confirm(). What yes and no stand for lies in the database; the buttons carry the
 * row's id and the answer. The question is sent first and stored with the unit's commit, as those of
 * aisha_ask() are; its answer takes effect in the same transaction as what the callback does.
 */
#include "host/bot/confirm.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/keyboard.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/store/confirmation.h"
#include "host/store/hex.h"

enum { ID_SIZE = 16, DAY_S = 24 * 3600, MAX_TTL_S = 30 * DAY_S };

/* On the button. */
struct answer {
    uint8_t id[ID_SIZE];
    uint8_t is_yes;
};

uint32_t confirm_route(void)
{
    return button_route("", "confirm", 0);
}

/* ---- asking ---- */

/* The route of the plugin's callback; 0 with the failure told when it does not fit. */
static uint32_t route_of(struct aisha_ctx *ctx, const char *name, size_t payload_size)
{
    const struct aisha_callback *callback =
        ctx->plugin && name ? plugin_callback(ctx->plugin, name) : NULL;

    if (!callback)
        aisha_fail(ctx, 0, "there is no callback \"%s\"", name ? name : "");
    else if (payload_size && callback->payload_size && payload_size != callback->payload_size)
        aisha_fail(ctx, 0, "the payload of \"%s\" has %zu bytes, its .payload_size is %zu", name,
                   payload_size, callback->payload_size);
    else
        return button_route(ctx->plugin->name, callback->name, callback->version);
    return 0;
}

static void add_button(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard, const char *key,
                       struct answer answer)
{
    struct button button = {.route = confirm_route(), .payload_size = sizeof answer};

    memcpy(button.payload, &answer, sizeof answer);
    keyboard_add(keyboard, ctx_plain(ctx, key, NULL), &button);
}

int aisha_confirm_(struct aisha_ctx *ctx, const struct aisha_confirmation *given)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct aisha_confirmation own;
    struct answer answer = {0};

    sized_copy(&own, sizeof own, given);
    if (!ctx->from || !ctx->chat_id)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is nobody to ask");
    if (ctx->rider_count + 2 > CTX_MAX_RIDERS)
        return aisha_fail(ctx, -AISHA_E_INVALID, "more than one question in one unit of work");
    uint32_t yes = route_of(ctx, own.yes, own.payload_size);
    uint32_t no = own.no ? route_of(ctx, own.no, own.payload_size) : 0;
    if (!yes || (own.no && !no))
        return -AISHA_E_INVALID;
    if (RAND_bytes(answer.id, sizeof answer.id) != 1)
        abort();
    answer.is_yes = true;
    add_button(ctx, keyboard, own.yes_key ? own.yes_key : "yes", answer);
    answer.is_yes = false;
    add_button(ctx, keyboard, own.no_key ? own.no_key : "no", answer);
    int r =
        aisha_screen(ctx, .text = own.text, .html = own.html, .key = own.key, .keyboard = keyboard);
    if (r < 0)
        return r;
    const struct confirmation confirmation = {
        .id = hex_encode(&ctx->arena, answer.id, sizeof answer.id),
        .chat_id = ctx->chat_id,
        .telegram_id = ctx->from->id,
        .yes_route = yes,
        .no_route = no,
        .payload = own.payload,
        .payload_size = own.payload_size,
        .expires_at =
            (int64_t)time(NULL) + (own.ttl_s > 0 && own.ttl_s < MAX_TTL_S ? own.ttl_s : DAY_S),
    };
    ctx->riders[ctx->rider_count++] = confirmation_sweep(&ctx->arena);
    ctx->riders[ctx->rider_count++] = confirmation_add(&ctx->arena, &confirmation);
    return 0;
}

/* ---- the answer ---- */

int confirm_take(struct aisha_ctx *ctx)
{
    struct confirmation confirmation;
    struct answer answer = {0};

    memcpy(&answer, ctx->button.payload,
           ctx->button.payload_size < sizeof answer ? ctx->button.payload_size : sizeof answer);
    int r = confirmation_find(ctx->bot->db, &ctx->arena,
                              hex_encode(&ctx->arena, answer.id, sizeof answer.id), ctx->chat_id,
                              ctx->from->id, &confirmation);
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    if (r < 0)
        return r;
    ctx->riders[ctx->rider_count++] = confirmation_answered(&ctx->arena, confirmation.id);
    uint32_t route = answer.is_yes ? confirmation.yes_route : confirmation.no_route;
    if (!route) {
        ctx->handler = "declined";
        r = aisha_screen(ctx, .key = "declined");
        return r < 0 ? r : 1;
    }
    ctx->button = (struct button){.route = route};
    if (confirmation.payload_size <= sizeof ctx->button.payload) {
        ctx->button.payload_size = confirmation.payload_size;
        if (confirmation.payload_size)
            memcpy(ctx->button.payload, confirmation.payload, confirmation.payload_size);
    }
    return 0;
}

void confirm_done(struct aisha_ctx *ctx)
{
    if (!ctx->screen_id && ctx->message && ctx->message->date != 0)
        aisha_ignore(aisha_edit_message_reply_markup(ctx, NULL, .chat_id = ctx->chat_id,
                                                     .message_id = ctx->message->message_id));
}
