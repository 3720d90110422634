/*
 * For operators: credits by hand, prices for one person, refunds, and what the books say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "invoice.h"
#include "ledger.h"
#include "package.h"
#include "promo.h"
#include "quote.h"
#include "tariff.h"

enum { WORD_SIZE = MAX_CHARGE_ID, VERIFIED_AT_ONCE = 50000, VERIFIED_FOR_S = 2 * 86400 };

/* The next word of the arguments; "" at their end, or when it is too long. */
static const char *next_word(struct aisha_ctx *ctx, const char **at)
{
    *at += strspn(*at, " ");
    size_t length = strcspn(*at, " ");
    const char *word = aisha_printf(ctx, "%.*s", length < WORD_SIZE ? (int)length : 0, *at);

    *at += length;
    *at += strspn(*at, " ");
    return word;
}

/* The person whose Telegram id is the next word. AISHA_PASS when there is none, and that was said. */
static AISHA_ASYNC int next_person(struct aisha_ctx *ctx, const char **at, int64_t *ret_telegram_id,
                                   const char **ret_user_id)
{
    const char *word = next_word(ctx, at);
    char *end;

    *ret_telegram_id = strtoll(word, &end, 10);
    int r =
        *word && !*end ? aisha_find_user(ctx, *ret_telegram_id, ret_user_id) : -AISHA_E_NOT_FOUND;
    if (r != -AISHA_E_NOT_FOUND)
        return r;
    r = aisha_reply(ctx, .key = "admin_who");
    return r < 0 ? r : AISHA_PASS;
}

/* ---- credits by hand ---- */

static AISHA_ASYNC int post_by_hand(struct aisha_ctx *ctx, const char *user_id,
                                    enum entry_type type, int64_t amount, const char *reason)
{
    const struct aisha_message *message = aisha_message(ctx);
    const struct entry entry = {.type = type,
                                .op_id = aisha_printf(ctx, "by-hand:%" PRId64 ":%" PRId64,
                                                      message->chat->id, message->message_id),
                                .amount = amount,
                                .description = reason};

    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = ledger_post(ctx, user_id, &entry);
    return aisha_db_end(ctx, r);
}

/* In their language, not in the operator's. */
static AISHA_ASYNC int tell_gift(struct aisha_ctx *ctx, const char *user_id, int64_t amount,
                                 const char *reason)
{
    int64_t whole = amount / CREDIT, rest = amount % CREDIT;

    if (rest == 0)
        return aisha_notify(ctx, user_id, .key = "granted",
                            .args = AISHA_ARGS(AISHA_ARG("n", whole), AISHA_ARG("reason", reason)));
    return aisha_notify(ctx, user_id, .key = "granted_parts",
                        .args =
                            AISHA_ARGS(AISHA_ARG("whole", whole),
                                       AISHA_ARG("parts", aisha_printf(ctx, "%02" PRId64, rest)),
                                       AISHA_ARG("reason", reason)));
}

static AISHA_ASYNC int say_done(struct aisha_ctx *ctx, const char *user_id, const char *reason,
                                int64_t amount, bool is_gift)
{
    struct account account;

    int r = ledger_read(ctx, user_id, &account);
    if (r == 0 && is_gift)
        r = tell_gift(ctx, user_id, amount, reason);
    if (r < 0)
        return r;
    return aisha_reply(ctx,
                       .html = aisha_t(ctx, "admin_done",
                                       AISHA_ARG("balance", credits_text(ctx, account.balance))));
}

static AISHA_ASYNC int by_hand(struct aisha_ctx *ctx, enum entry_type type, const char *usage)
{
    const char *args = aisha_args(ctx), *user_id;
    int64_t telegram_id, amount;

    if (!*args)
        return aisha_reply(ctx, .key = usage);
    int r = next_person(ctx, &args, &telegram_id, &user_id);
    if (r != 0)
        return r < 0 ? r : 0;
    if (!credits_parse(next_word(ctx, &args), &amount) || amount == 0 || !*args)
        return aisha_reply(ctx, .key = usage);
    r = post_by_hand(ctx, user_id, type, amount, args);
    if (r == LEDGER_SHORT)
        return aisha_reply(ctx, .key = "admin_short");
    if (r < 0)
        return r;
    return say_done(ctx, user_id, args, amount, type == ENTRY_GRANT);
}

int cmd_grant(struct aisha_ctx *ctx)
{
    return by_hand(ctx, ENTRY_GRANT, "grant_usage");
}

int cmd_revoke(struct aisha_ctx *ctx)
{
    return by_hand(ctx, ENTRY_REVOKE, "revoke_usage");
}

int cmd_refund(struct aisha_ctx *ctx)
{
    const char *args = aisha_args(ctx), *user_id;
    struct charge charge = {0};
    struct account account;

    if (!*args)
        return aisha_reply(ctx, .key = "refund_usage");
    int r = next_person(ctx, &args, &charge.telegram_id, &user_id);
    if (r != 0)
        return r < 0 ? r : 0;
    const char *id = next_word(ctx, &args);
    if (!*id)
        return aisha_reply(ctx, .key = "refund_usage");
    r = ledger_read(ctx, user_id, &account);
    if (r < 0)
        return r;
    if (account.held) /* what of it will be spent, and so is lost, is known when that has ended */
        return aisha_reply(ctx,
                           .html = aisha_t(ctx, "refund_held",
                                           AISHA_ARG("held", credits_text(ctx, account.held))));
    snprintf(charge.user_id, sizeof charge.user_id, "%s", user_id);
    snprintf(charge.charge_id, sizeof charge.charge_id, "%s", id);
    r = aisha_job_enqueue(ctx, NULL, .kind = "refund", AISHA_DATA(charge));
    return r < 0 ? r : aisha_reply(ctx, .key = "refund_begun");
}

/* ---- a price for one person ---- */

int cmd_price(struct aisha_ctx *ctx)
{
    const struct balance_config *config = aisha_config(ctx);
    const char *args = aisha_args(ctx), *user_id;
    struct tariff tariff;
    int64_t telegram_id, free_units = 0;

    if (!*args)
        return aisha_reply(ctx, .key = "price_usage");
    int r = next_person(ctx, &args, &telegram_id, &user_id);
    if (r != 0)
        return r < 0 ? r : 0;
    const char *name = next_word(ctx, &args), *price = next_word(ctx, &args);
    bool is_default = strcmp(price, "default") == 0;
    if (!tariff_find(config->tariffs, name, &tariff) ||
        (!is_default && !credits_parse(price, &tariff.price)) ||
        (*args && !credits_parse(next_word(ctx, &args), &free_units)))
        return aisha_reply(ctx, .key = "price_usage");
    tariff.free_units = free_units / CREDIT;
    r = tariff_override(ctx, user_id, name, is_default ? NULL : &tariff);
    return r < 0 ? r : aisha_reply(ctx, .key = "price_done");
}

/* ---- promo codes ---- */

/* A number from 0 on; -1 for what is none. */
static int64_t whole_number(const char *word)
{
    int64_t hundredths;

    return credits_parse(word, &hundredths) && hundredths % CREDIT == 0 ? hundredths / CREDIT : -1;
}

/* CODE KIND VALUE USES PER_PERSON DAYS, the last three 0 for no limit. */
static bool read_promo(struct aisha_ctx *ctx, const char *args, char code[PROMO_SIZE],
                       struct promo *ret, struct promo_limits *ret_limits)
{
    const char *text = next_word(ctx, &args), *kind = next_word(ctx, &args);
    bool is_known = strcmp(kind, "balance") == 0 || strcmp(kind, "bonus") == 0;
    bool is_discount = strcmp(kind, "discount") == 0;
    int64_t value, days;

    if (!promo_normalize(text, code) || (!is_known && !is_discount) ||
        !credits_parse(next_word(ctx, &args), &value) || value == 0)
        return false;
    *ret =
        (struct promo){.code = code, .kind = kind, .value = is_discount ? value / CREDIT : value};
    ret_limits->uses = whole_number(next_word(ctx, &args));
    ret_limits->per_person = whole_number(next_word(ctx, &args));
    days = whole_number(next_word(ctx, &args));
    ret_limits->until = days > 0 ? aisha_now(ctx) + days * 86400 : 0;
    return ret_limits->uses >= 0 && ret_limits->per_person >= 0 && days >= 0 && days < 36500 &&
           (!is_discount || (ret->value > 0 && ret->value <= PROMO_DISCOUNT_MAX));
}

int cmd_promo(struct aisha_ctx *ctx)
{
    struct promo_limits limits;
    char code[PROMO_SIZE];
    struct promo promo;

    if (!read_promo(ctx, aisha_args(ctx), code, &promo, &limits))
        return aisha_reply(ctx, .key = "promo_usage");
    int r = promo_set(ctx, &promo, &limits);
    return r < 0 ? r
                 : aisha_reply(ctx,
                               .html = aisha_t(ctx, "promo_done", AISHA_ARG("code", promo.code)));
}

/* ---- the books ---- */

static bool is_right(const struct ledger_report *report)
{
    return !report->wrong_sums && !report->wrong_chains && !report->wrong_holds;
}

int cmd_ledger(struct aisha_ctx *ctx)
{
    struct ledger_totals totals;
    struct ledger_report report;

    int r = ledger_verify(ctx, &report);
    if (r == 0)
        r = ledger_total(ctx, &totals);
    if (r < 0)
        return r;
    return aisha_reply(
        ctx, .html = aisha_t(
                 ctx, "ledger", AISHA_ARG("accounts", report.accounts),
                 AISHA_ARG("entries", report.entries),
                 AISHA_ARG("paid", credits_text(ctx, totals.bought)),
                 AISHA_ARG("spent", credits_text(ctx, totals.spent)),
                 AISHA_ARG("balance", credits_text(ctx, report.balance)),
                 AISHA_ARG("held", credits_text(ctx, report.held)),
                 AISHA_ARG("verdict", aisha_t_plain(ctx, is_right(&report) ? "ledger_right"
                                                                           : "ledger_wrong"))));
}

static AISHA_ASYNC int verify(struct aisha_ctx *ctx, int64_t *ret_wrong)
{
    struct ledger_report report;

    int r = ledger_verify(ctx, &report);
    if (r < 0)
        return r;
    *ret_wrong = report.wrong_sums + report.wrong_chains + report.wrong_holds;
    aisha_log(ctx, is_right(&report) ? AISHA_LOG_INFO : AISHA_LOG_ERROR,
              "ledger of %" PRId64 " accounts and %" PRId64 " entries: %" PRId64
              " with wrong sums, %" PRId64 " with wrong chains, %" PRId64 " with wrong holds",
              report.accounts, report.entries, report.wrong_sums, report.wrong_chains,
              report.wrong_holds);
    return 0;
}

/* Every night, in full. */
int run_verify(struct aisha_ctx *ctx)
{
    int64_t wrong;

    int r = verify(ctx, &wrong);
    if (r < 0)
        return r;
    if (wrong > 0)
        aisha_alert(ctx, "the ledger does not add up; the log has the numbers");
    return aisha_db_exec(ctx,
                         "INSERT INTO balance_progress (name, place)"
                         " VALUES ('wrong', $1), ('verified_at', $2)"
                         " ON CONFLICT (name) DO UPDATE SET place = excluded.place",
                         wrong, aisha_now(ctx));
}

/* Now, while that is quick, or else what the last night found; -1 when it found nothing out. */
static AISHA_ASYNC int count_wrong(struct aisha_ctx *ctx, int64_t *ret_wrong)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(
        ctx, &rows,
        "SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) AS entries,"
        " COALESCE((SELECT w.place FROM balance_progress w JOIN balance_progress v"
        "  ON v.name = 'verified_at' AND v.place > $1 WHERE w.name = 'wrong'), -1) AS wrong"
        " FROM user_balances",
        aisha_now(ctx) - VERIFIED_FOR_S);
    if (r < 0)
        return r;
    if (aisha_cell_int(rows, 0, "entries") <= VERIFIED_AT_ONCE)
        return verify(ctx, ret_wrong);
    *ret_wrong = aisha_cell_int(rows, 0, "wrong");
    return 0;
}

/* There are no parts of a Star. */
static bool are_for_stars(const char *list)
{
    struct package packages[MAX_PACKAGES];
    size_t count;

    if (!packages_read(list, packages, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (packages[i].price % 100 != 0)
            return false;
    return true;
}

/* What cannot be understood in the configuration, with a piece of advice; NULL when all of it can. */
static const char *find_mistake(struct aisha_ctx *ctx, const char **ret_advice)
{
    const struct balance_config *config = aisha_config(ctx);
    struct package packages[MAX_PACKAGES];
    size_t count;

    const char *mistake = tariff_mistake(config->tariffs);
    *ret_advice = "write NAME CREDITS [per item | per minute] [first N free]";
    if (mistake)
        return aisha_printf(ctx, "tariffs cannot be understood at \"%s\"", mistake);
    *ret_advice = "write CREDITS[+BONUS] for STARS, …, with whole Stars";
    if (!are_for_stars(config->packages))
        return "packages cannot be understood";
    *ret_advice = "write CREDITS[+BONUS] for PRICE, …";
    return packages_read(config->provider_packages, packages, &count)
               ? NULL
               : "provider_packages cannot be understood";
}

int check_ledger(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;
    const char *advice;
    int64_t wrong = 0;

    const char *mistake = find_mistake(ctx, &advice);
    if (mistake)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = mistake, .advice = advice);
    int r = aisha_db_query(ctx, &rows, "SELECT owed FROM user_balances LIMIT 1");
    if (r == -AISHA_E_UNAVAILABLE) /* which the host's own check tells */
        return aisha_health(ctx, .text = "not looked at: the database is not there");
    if (r == -AISHA_E_INVALID) /* before the first start, or the first of a new version */
        return aisha_health(ctx, .text = "not looked at: a start makes its tables");
    if (r == 0)
        r = count_wrong(ctx, &wrong);
    if (r < 0)
        return r;
    if (wrong < 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = "the ledger was not verified in the last two days",
                            .advice = "let the bot run at night, or look with /ledger");
    if (wrong)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED,
                            .text = aisha_printf(ctx, "%" PRId64 " accounts do not add up", wrong),
                            .advice =
                                "compare user_balances with transactions before anything else");
    return aisha_health(ctx, .text = "the ledger adds up");
}
