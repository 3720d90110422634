#include "quote.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <aisha/aisha.h>

#include "ledger.h"
#include "tariff.h"

enum { MAX_DATA = 1024, MAX_UNITS = 1 << 30, QUOTE_TTL_S = 86400, MAX_TITLE = 300 };

/* A number of hundredths that is not whole takes the form of "few": 2,50 кредита, 2.50 credits. */
const char *credits_text(struct aisha_ctx *ctx, int64_t amount)
{
    int64_t whole = amount / CREDIT, rest = amount % CREDIT;

    if (rest == 0)
        return aisha_t_plain(ctx, "credits", AISHA_ARG("n", whole));
    const char *sign = amount < 0 ? "-" : "";
    whole = whole < 0 ? -whole : whole;
    rest = rest < 0 ? -rest : rest;
    return aisha_t_plain(ctx, "credits_and_parts",
                         AISHA_ARG("whole", aisha_printf(ctx, "%s%" PRId64, sign, whole)),
                         AISHA_ARG("parts", aisha_printf(ctx, "%02" PRId64, rest)));
}

static char *to_hex(struct aisha_ctx *ctx, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    char *text = aisha_alloc(ctx, 2 * size + 1);

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return text;
}

static unsigned value_of(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static const void *from_hex(struct aisha_ctx *ctx, const char *text, size_t *ret_size)
{
    size_t size = strlen(text) / 2;
    unsigned char *bytes = aisha_alloc(ctx, size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
    *ret_size = size;
    return bytes;
}

/* ---- prices of one person ---- */

static AISHA_ASYNC int find_tariff(struct aisha_ctx *ctx, const char *tariffs, const char *name,
                                   struct tariff *ret)
{
    const struct aisha_rows *rows;

    if (!name || !tariff_find(tariffs, name, ret))
        return aisha_fail(ctx, -AISHA_E_INVALID, "[balance] tariffs has no price for \"%s\"",
                          name ? name : "");
    int r = aisha_db_query(ctx, &rows,
                           "SELECT price, free_units FROM tariff_overrides"
                           " WHERE user_id = $1 AND tariff = $2",
                           aisha_user_id(ctx), name);
    if (r < 0 || rows->row_count == 0)
        return r;
    ret->price = aisha_cell_int(rows, 0, "price");
    ret->free_units = aisha_cell_int(rows, 0, "free_units");
    return 0;
}

int tariff_override(struct aisha_ctx *ctx, const char *user_id, const char *name,
                    const struct tariff *tariff)
{
    if (!tariff)
        return aisha_db_exec(ctx, "DELETE FROM tariff_overrides WHERE user_id = $1 AND tariff = $2",
                             user_id, name);
    return aisha_db_exec(ctx,
                         "INSERT INTO tariff_overrides (user_id, tariff, price, free_units)"
                         " VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, tariff)"
                         " DO UPDATE SET price = excluded.price, free_units = excluded.free_units",
                         user_id, name, tariff->price, tariff->free_units);
}

/* ---- quotes ---- */

static AISHA_ASYNC int complete(struct aisha_ctx *ctx, struct aisha_quote *quote)
{
    struct account account;

    int r = ledger_read(ctx, aisha_user_id(ctx), &account);
    if (r < 0)
        return r;
    quote->missing = quote->amount > account.balance ? quote->amount - account.balance : 0;
    quote->cost = credits_text(ctx, quote->amount);
    quote->balance = credits_text(ctx, account.balance);
    return 0;
}

/* A plugin that was built with an earlier billing.h has no such field. */
static const char *own_id(const struct aisha_quote_request *request)
{
    return request->size > offsetof(struct aisha_quote_request, id) ? request->id : NULL;
}

/* Unless there is one with that id. */
static AISHA_ASYNC int keep(struct aisha_ctx *ctx, const struct aisha_quote_request *request,
                            const struct tariff *tariff, const struct aisha_quote *quote,
                            bool *ret_is_new)
{
    const struct aisha_rows *rows;
    int64_t now = aisha_now(ctx), ttl_s = request->ttl_s > 0 ? request->ttl_s : QUOTE_TTL_S;
    const char *title = request->title ? request->title : request->tariff;
    const struct aisha_value params[] = {
        aisha_value(aisha_user_id(ctx)),
        aisha_value(quote->id),
        aisha_value(request->tariff),
        aisha_value(tariff_unit_name(tariff->unit)),
        aisha_value(tariff->price),
        aisha_value(tariff->free_units),
        aisha_value(quote->units),
        aisha_value(quote->amount),
        aisha_value(title),
        aisha_value(request->plugin ? request->plugin : ""),
        aisha_value(request->resume ? request->resume : ""),
        aisha_value(to_hex(ctx, request->data, request->data_size)),
        aisha_value(now),
        aisha_value(now + ttl_s),
    };

    if (strlen(title) > MAX_TITLE)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the title of a quote is over %d bytes",
                          MAX_TITLE);
    int r = aisha_db_query_(
        ctx, &rows,
        &(const struct aisha_statement){
            .sql = "INSERT INTO holds (user_id, id, state, tariff, unit, price, free_units, units,"
                   " amount, title, plugin, resume, data, created_at, expires_at)"
                   " VALUES ($1, $2, 'quoted', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
                   " ON CONFLICT (user_id, id) DO NOTHING",
            .params = params,
            .param_count = sizeof params / sizeof *params});
    if (r == 0)
        *ret_is_new = rows->changed_count > 0;
    return r;
}

int quote_make(struct aisha_ctx *ctx, const char *tariffs,
               const struct aisha_quote_request *request, const struct aisha_quote **ret_quote)
{
    struct aisha_quote *quote = aisha_alloc(ctx, sizeof *quote);
    const char *id = own_id(request);
    struct tariff tariff;
    struct aisha_uuid packed;
    bool is_new = true;

    if (!aisha_user_id(ctx))
        return aisha_fail(ctx, -AISHA_E_INVALID, "a quote for nobody");
    if (id && aisha_uuid_pack(id, &packed) < 0)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the id of a quote is no UUID");
    if (request->units < 0 || request->units > MAX_UNITS || request->data_size > MAX_DATA)
        return aisha_fail(ctx, -AISHA_E_INVALID, "a quote for %" PRId64 " units with %zu bytes",
                          request->units, request->data_size);
    int r = find_tariff(ctx, tariffs, request->tariff, &tariff);
    if (r < 0)
        return r;
    *quote = (struct aisha_quote){.size = sizeof *quote,
                                  .tariff = request->tariff,
                                  .units = request->units ? request->units : 1,
                                  .data = request->data,
                                  .data_size = request->data_size};
    quote->amount = tariff_cost(&tariff, quote->units);
    if (quote->amount > 0 && !request->is_estimate) {
        quote->id = id ? id : aisha_uuid(ctx);
        r = keep(ctx, request, &tariff, quote, &is_new);
    }
    if (r == 0 && !is_new)
        return quote_find(ctx, request->plugin ? request->plugin : "", quote->id, ret_quote);
    if (r == 0)
        r = complete(ctx, quote);
    if (r == 0)
        *ret_quote = quote;
    return r;
}

int quote_find(struct aisha_ctx *ctx, const char *plugin, const char *id,
               const struct aisha_quote **ret_quote)
{
    struct aisha_quote *quote = aisha_alloc(ctx, sizeof *quote);
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT id, state, tariff, units, amount, data, expires_at FROM holds"
                           " WHERE user_id = $1 AND id = $2 AND plugin = $3",
                           aisha_user_id(ctx), id, plugin);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return AISHA_BILLING_OUTDATED;
    if (strcmp(aisha_cell_text(rows, 0, "state"), "quoted") != 0)
        return AISHA_BILLING_BEFORE;
    if (aisha_cell_int(rows, 0, "expires_at") <= aisha_now(ctx))
        return AISHA_BILLING_OUTDATED;
    *quote = (struct aisha_quote){.size = sizeof *quote,
                                  .id = aisha_cell_text(rows, 0, "id"),
                                  .tariff = aisha_cell_text(rows, 0, "tariff"),
                                  .units = aisha_cell_int(rows, 0, "units"),
                                  .amount = aisha_cell_int(rows, 0, "amount")};
    quote->data = from_hex(ctx, aisha_cell_text(rows, 0, "data"), &quote->data_size);
    r = complete(ctx, quote);
    if (r == 0)
        *ret_quote = quote;
    return r;
}
