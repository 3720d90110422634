/*
 * What a transcription costs. The price goes by what Telegram says of the recording, and by the
 * recording itself once it has been decoded: what turns out to be longer is offered again before
 * anything is spent on it, and what was paid for is what was delivered.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>
#include <aisha/service/billing.h>

#include "audio.h"

static const char *clock_text(struct aisha_ctx *ctx, int64_t seconds)
{
    if (seconds < 3600)
        return aisha_printf(ctx, "%" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
    return aisha_printf(ctx, "%" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                        seconds / 60 % 60, seconds % 60);
}

static AISHA_ASYNC int show_offer(struct aisha_ctx *ctx, const struct aisha_quote *quote)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct aisha_uuid id;

    int r = aisha_uuid_pack(quote->id, &id);
    if (r < 0)
        return r;
    const char *text =
        aisha_t(ctx, "offer", AISHA_ARG("time", clock_text(ctx, quote->units)),
                AISHA_ARG("cost", quote->cost), AISHA_ARG("balance", quote->balance));
    if (quote->missing) {
        text = aisha_concat(
            ctx, text, "\n\n",
            aisha_t(ctx, "short", AISHA_ARG("missing", aisha_billing_text(ctx, quote->missing))),
            NULL);
        aisha_billing_button(ctx, keyboard, quote->id);
    } else {
        aisha_button(keyboard, .text = aisha_t_plain(ctx, "pay", AISHA_ARG("cost", quote->cost)),
                     .callback = "pay", AISHA_PAYLOAD(id));
    }
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "decline", .callback = "decline", AISHA_PAYLOAD(id));
    return aisha_screen(ctx, .html = text, .keyboard = keyboard, .is_quoting = true);
}

static AISHA_ASYNC int quote_for(struct aisha_ctx *ctx, const struct order *order, int64_t seconds,
                                 bool is_estimate, const struct aisha_quote **ret_quote)
{
    const char *title = aisha_t_plain(ctx, "title", AISHA_ARG("time", clock_text(ctx, seconds)));

    return aisha_billing_quote(ctx, ret_quote, .tariff = "audio", .units = seconds, .title = title,
                               .plugin = "audio", .resume = "resume", .data = order,
                               .data_size = sizeof *order, .is_estimate = is_estimate,
                               .id = aisha_job_id(ctx));
}

int audio_offer(struct aisha_ctx *ctx, struct order *order, int64_t seconds)
{
    const struct aisha_quote *quote;
    int r = order->held ? aisha_billing_covers(ctx, NULL, seconds) : AISHA_BILLING_NO_HOLD;

    if (r <= 0)
        return r;
    if (r == AISHA_BILLING_NO_HOLD)
        order->held = 0;
    r = quote_for(ctx, order, seconds, true, &quote);
    if (r < 0)
        return r;
    if (r == AISHA_BILLING_NONE || quote->amount <= order->held)
        return 0;
    r = quote_for(ctx, order, seconds, false, &quote);
    /* Else an earlier attempt has offered it, and its message shows what came of that. */
    if (r == 0)
        r = show_offer(ctx, quote);
    return r < 0 ? r : AUDIO_OFFERED;
}

int audio_collect(struct aisha_ctx *ctx, const struct order *order)
{
    if (!order->held)
        return 0;
    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_billing_capture(ctx, NULL, order->seconds);
    if (r == 0)
        aisha_job_done(ctx, NULL);
    r = aisha_db_end(ctx, r);
    return r < 0 ? r : 0; /* it was captured before, or billing is switched off by now */
}

/* ---- their answer ---- */

static AISHA_ASYNC int order_and_hold(struct aisha_ctx *ctx, const char *quote_id)
{
    const struct aisha_quote *quote;
    const char *job_id;
    struct order order;

    int r = aisha_billing_find(ctx, &quote, "audio", quote_id);
    if (r != 0)
        return r;
    if (quote->data_size != sizeof order)
        return AISHA_BILLING_OUTDATED; /* made by another version */
    memcpy(&order, quote->data, sizeof order);
    order.held = quote->amount;
    r = aisha_job_enqueue(ctx, &job_id, .kind = "transcribe", AISHA_DATA(order));
    return r == 0 ? aisha_billing_hold(ctx, quote->id, job_id) : r;
}

static AISHA_ASYNC int pay(struct aisha_ctx *ctx, const char *quote_id)
{
    int r = aisha_db_begin(ctx);

    if (r == 0)
        r = order_and_hold(ctx, quote_id);
    return aisha_db_end(ctx, r);
}

/* The offer as it is now. */
static AISHA_ASYNC int show_again(struct aisha_ctx *ctx, const char *quote_id)
{
    const struct aisha_quote *quote;

    int r = aisha_billing_find(ctx, &quote, "audio", quote_id);
    if (r == 0)
        return show_offer(ctx, quote);
    return r < 0 ? r : aisha_screen(ctx, .key = "offer_is_over");
}

static AISHA_ASYNC int pressed_quote(struct aisha_ctx *ctx, const char **ret_id)
{
    struct aisha_uuid id;

    int r = aisha_payload(ctx, &id);
    if (r == 0)
        *ret_id = aisha_uuid_text(ctx, &id);
    return r;
}

int on_pay(struct aisha_ctx *ctx)
{
    const char *quote_id = NULL;

    int r = pressed_quote(ctx, &quote_id);
    if (r < 0)
        return r;
    r = pay(ctx, quote_id);
    switch (r) {
    case 0:
        return aisha_answer(ctx, aisha_t_plain(ctx, "accepted"));
    case AISHA_BILLING_BEFORE:
        return aisha_answer(ctx, aisha_t_plain(ctx, "paid_before"));
    case AISHA_BILLING_SHORT:
        return show_again(ctx, quote_id);
    case AISHA_BILLING_NONE:
    case AISHA_BILLING_OUTDATED:
        return aisha_screen(ctx, .key = "offer_is_over");
    default:
        return r;
    }
}

int on_decline(struct aisha_ctx *ctx)
{
    const struct aisha_quote *quote;
    const char *quote_id = NULL;

    int r = pressed_quote(ctx, &quote_id);
    if (r < 0)
        return r;
    r = aisha_billing_find(ctx, &quote, "audio", quote_id);
    if (r == AISHA_BILLING_BEFORE)
        return aisha_answer(ctx, aisha_t_plain(ctx, "paid_before"));
    return r < 0 ? r : aisha_screen(ctx, .key = "declined");
}

int on_resume(struct aisha_ctx *ctx)
{
    const char *quote_id = NULL;

    int r = pressed_quote(ctx, &quote_id);
    return r < 0 ? r : show_again(ctx, quote_id);
}
