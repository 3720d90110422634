/*
 * What people see of their credits.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "ledger.h"
#include "promo.h"
#include "quote.h"

enum { PAGE = 8, PROMO_TRIES = 10, PROMO_TRIES_S = 3600 };

int welcome(struct aisha_ctx *ctx)
{
    const struct balance_config *config = aisha_config(ctx);
    const struct entry entry = {.type = ENTRY_GRANT,
                                .op_id = "welcome",
                                .amount = config->welcome * CREDIT,
                                .description = aisha_t_plain(ctx, "welcome")};
    struct account account;

    if (!config->welcome)
        return 0;
    int r = ledger_read(ctx, aisha_user_id(ctx), &account);
    if (r < 0 || account.entries)
        return r;
    r = aisha_db_begin(ctx);
    if (r == 0)
        r = ledger_post(ctx, aisha_user_id(ctx), &entry);
    r = aisha_db_end(ctx, r);
    return r < 0 ? r : 0;
}

int show_balance(struct aisha_ctx *ctx)
{
    static const struct aisha_uuid no_quote;
    static const struct history_view all;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct account account;

    int r = welcome(ctx);
    if (r == 0)
        r = ledger_read(ctx, aisha_user_id(ctx), &account);
    if (r < 0)
        return r;
    const char *text =
        aisha_t(ctx, "balance", AISHA_ARG("credits", credits_text(ctx, account.balance)));
    if (account.held)
        text = aisha_concat(
            ctx, text, "\n",
            aisha_t(ctx, "held", AISHA_ARG("credits", credits_text(ctx, account.held))), NULL);
    if (account.owed)
        text = aisha_concat(
            ctx, text, "\n",
            aisha_t(ctx, "owed", AISHA_ARG("credits", credits_text(ctx, account.owed))), NULL);
    aisha_button(keyboard, .key = "topup_button", .callback = "topup", AISHA_PAYLOAD(no_quote));
    aisha_button(keyboard, .key = "history_button", .callback = "history", AISHA_PAYLOAD(all));
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "promo_button", .callback = "promo");
    aisha_button(keyboard, .key = "menu", .plugin = "home", .callback = "menu");
    return aisha_screen(ctx, .html = text, .keyboard = keyboard);
}

/* ---- history ---- */

/* What is only set aside and comes back is not part of it; the balance shows it. */
static const struct {
    const char *key, *where;
} filters[] = {
    {"history_all", "type NOT IN ('hold', 'release')"},
    {"history_spent", "(type = 'capture' OR from_account = 'user' AND type <> 'hold')"},
    {"history_added", "(to_account = 'user' AND type <> 'release')"},
};

enum { FILTERS = sizeof filters / sizeof *filters };

static const struct {
    const char *type, *key;
} entry_names[] = {
    {"topup", "entry_topup"},           {"bonus", "entry_bonus"},   {"grant", "entry_grant"},
    {"promo", "entry_promo"},           {"revoke", "entry_revoke"}, {"refund", "entry_refund"},
    {"correction", "entry_correction"},
};

static const char *name_of(struct aisha_ctx *ctx, const char *type, const char *description)
{
    for (size_t i = 0; i < sizeof entry_names / sizeof *entry_names; i++) {
        if (strcmp(entry_names[i].type, type) != 0)
            continue;
        const char *name = aisha_t_plain(ctx, entry_names[i].key);
        return *description ? aisha_printf(ctx, "%s: %s", name, description) : name;
    }
    return description;
}

static const char *date_text(struct aisha_ctx *ctx, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&time, &parts))
        return "";
    return aisha_printf(ctx, "%02d.%02d.%d", parts.tm_mday, parts.tm_mon + 1, parts.tm_year + 1900);
}

static const char *line_of(struct aisha_ctx *ctx, const struct aisha_rows *rows, size_t i)
{
    bool is_added = strcmp(aisha_cell_text(rows, i, "to_account"), "user") == 0;
    int64_t amount = aisha_cell_int(rows, i, "amount");
    const char *number = aisha_printf(ctx, "%" PRId64, amount / CREDIT);

    if (amount % CREDIT)
        number =
            aisha_t_plain(ctx, "number_and_parts", AISHA_ARG("whole", number),
                          AISHA_ARG("parts", aisha_printf(ctx, "%02" PRId64, amount % CREDIT)));
    return aisha_html(
        ctx, "\n%s  %s%s  %s", date_text(ctx, aisha_cell_int(rows, i, "created_at")),
        is_added ? "+" : "−", number,
        name_of(ctx, aisha_cell_text(rows, i, "type"), aisha_cell_text(rows, i, "description")));
}

static AISHA_ASYNC int read_page(struct aisha_ctx *ctx, struct history_view view,
                                 const struct aisha_pager **ret_pager,
                                 const struct aisha_rows **ret_rows)
{
    const char *where = filters[view.filter].where;
    const struct aisha_rows *counted;

    int r = aisha_db_query(
        ctx, &counted,
        aisha_printf(ctx, "SELECT COUNT(*) AS n FROM transactions WHERE user_id = $1 AND %s",
                     where),
        aisha_user_id(ctx));
    if (r < 0)
        return r;
    *ret_pager = aisha_pager(ctx, aisha_cell_int(counted, 0, "n"), PAGE, view.page);
    return aisha_db_query(ctx, ret_rows,
                          aisha_printf(ctx,
                                       "SELECT type, to_account, amount, description, created_at"
                                       " FROM transactions WHERE user_id = $1 AND %s"
                                       " ORDER BY n DESC LIMIT $2 OFFSET $3",
                                       where),
                          aisha_user_id(ctx), (int64_t)(*ret_pager)->limit, (*ret_pager)->offset);
}

static void add_filters(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard,
                        struct history_view view)
{
    for (int32_t i = 0; i < FILTERS; i++) {
        const struct history_view other = {.filter = i};
        const char *name = aisha_t_plain(ctx, filters[i].key);
        aisha_button(keyboard, .text = i == view.filter ? aisha_printf(ctx, "✓ %s", name) : name,
                     .callback = "history", AISHA_PAYLOAD(other));
    }
    aisha_row(keyboard);
}

int show_history(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const struct aisha_pager *pager;
    const struct aisha_rows *rows;
    struct history_view view;

    int r = aisha_payload(ctx, &view);
    if (r < 0)
        return r;
    if (view.filter < 0 || view.filter >= FILTERS)
        view.filter = 0;
    r = read_page(ctx, view, &pager, &rows);
    if (r < 0)
        return r;
    const char *text = aisha_t(ctx, rows->row_count ? "history" : "history_empty");
    for (size_t i = 0; i < rows->row_count; i++)
        text = aisha_concat(ctx, text, line_of(ctx, rows, i), NULL);
    add_filters(ctx, keyboard, view);
    aisha_page_buttons(keyboard, pager, .callback = "history", AISHA_PAYLOAD(view));
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "back_button", .callback = "balance");
    return aisha_screen(ctx, .html = text, .keyboard = keyboard);
}

int show_paysupport(struct aisha_ctx *ctx)
{
    const struct balance_config *config = aisha_config(ctx);
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const char *text = aisha_t(ctx, "paysupport");

    if (*config->support)
        text = aisha_concat(
            ctx, text, "\n\n",
            aisha_t(ctx, "paysupport_contact", AISHA_ARG("support", config->support)), NULL);
    aisha_button(keyboard, .key = "balance_button", .callback = "balance");
    aisha_button(keyboard, .key = "menu", .plugin = "home", .callback = "menu");
    return aisha_reply(ctx, .html = text, .keyboard = keyboard);
}

/* ---- promo codes ---- */

int ask_promo(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .key = "promo_ask", .then = "promo");
}

/* Whoever tries many codes is guessing. */
static AISHA_ASYNC int may_try(struct aisha_ctx *ctx)
{
    int64_t wait_ms;

    return aisha_cache_allow(ctx, aisha_printf(ctx, "promo:%s", aisha_user_id(ctx)), &wait_ms,
                             .count = PROMO_TRIES, .per_s = PROMO_TRIES_S);
}

static AISHA_ASYNC int show_promo(struct aisha_ctx *ctx, int outcome, const struct promo *promo)
{
    static const struct aisha_uuid no_quote;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const char *text;

    if (outcome == PROMO_CREDITED) {
        text =
            aisha_t(ctx, "promo_credited", AISHA_ARG("credits", credits_text(ctx, promo->value)));
    } else {
        text =
            strcmp(promo->kind, "bonus") == 0
                ? aisha_t(ctx, "promo_bonus", AISHA_ARG("credits", credits_text(ctx, promo->value)))
                : aisha_t(ctx, "promo_discount", AISHA_ARG("percent", promo->value));
        aisha_button(keyboard, .key = "topup_button", .callback = "topup", AISHA_PAYLOAD(no_quote));
    }
    aisha_button(keyboard, .key = "balance_button", .callback = "balance");
    return aisha_reply(ctx, .html = text, .keyboard = keyboard);
}

static AISHA_ASYNC int refuse_promo(struct aisha_ctx *ctx, const char *why, bool may_try_another)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    if (may_try_another)
        aisha_button(keyboard, .key = "promo_another_button", .callback = "promo");
    aisha_button(keyboard, .key = "balance_button", .callback = "balance");
    return aisha_reply(ctx, .key = why, .keyboard = keyboard);
}

int on_promo(struct aisha_ctx *ctx)
{
    char code[PROMO_SIZE];
    struct promo promo;

    int r = may_try(ctx);
    if (r != 0)
        return r < 0 ? r : refuse_promo(ctx, "promo_too_often", false);
    if (!promo_normalize(aisha_message(ctx)->text, code))
        return refuse_promo(ctx, "promo_refused", true);
    r = promo_redeem(ctx, code, &promo);
    if (r < 0)
        return r;
    return r == PROMO_REFUSED ? refuse_promo(ctx, "promo_refused", true)
                              : show_promo(ctx, r, &promo);
}
