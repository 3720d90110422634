#include "promo.h"

#include <string.h>

#include <aisha/aisha.h>

#include "ledger.h"

/* Good for $2 at the time $3. */
#define IS_GOOD                                                                                    \
    " code = $1 AND (valid_until = 0 OR valid_until > $3) AND (max_uses = 0 OR uses < max_uses)"   \
    " AND (per_person = 0 OR per_person >"                                                         \
    "  (SELECT COUNT(*) FROM promo_code_uses u WHERE u.user_id = $2 AND u.code = $1))"

/* ---- codes ---- */

/* A small letter of two bytes in UTF-8, Russian, becomes a capital. */
static void capitalize_russian(unsigned char letter[2])
{
    if (letter[0] == 0xD0 && letter[1] >= 0xB0) {
        letter[1] -= 0x20;
    } else if (letter[0] == 0xD1 && letter[1] >= 0x80 && letter[1] <= 0x8F) {
        letter[0] = 0xD0;
        letter[1] += 0x20;
    } else if (letter[0] == 0xD1 && letter[1] == 0x91) {
        letter[0] = 0xD0;
        letter[1] = 0x81;
    }
}

bool promo_normalize(const char *text, char ret[PROMO_SIZE])
{
    static const char space[] = " \t\r\n";
    size_t size;

    text += strspn(text, space);
    size = strcspn(text, space);
    if (size < 3 || size >= PROMO_SIZE || text[size + strspn(text + size, space)])
        return false;
    for (size_t i = 0; i < size; i++)
        ret[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    ret[size] = '\0';
    for (size_t i = 0; i + 1 < size; i++)
        capitalize_russian((unsigned char *)ret + i);
    return true;
}

int promo_set(struct aisha_ctx *ctx, const struct promo *promo, const struct promo_limits *limits)
{
    return aisha_db_exec(
        ctx,
        "INSERT INTO promo_codes (code, kind, value, max_uses, uses, per_person, valid_until,"
        " created_at) VALUES ($1, $2, $3, $4, 0, $5, $6, $7) ON CONFLICT (code) DO UPDATE"
        " SET kind = excluded.kind, value = excluded.value, max_uses = excluded.max_uses,"
        " per_person = excluded.per_person, valid_until = excluded.valid_until",
        promo->code, promo->kind, promo->value, limits->uses, limits->per_person, limits->until,
        aisha_now(ctx));
}

static struct promo read_promo(const struct aisha_rows *rows)
{
    return (struct promo){.code = aisha_cell_text(rows, 0, "code"),
                          .kind = aisha_cell_text(rows, 0, "kind"),
                          .value = aisha_cell_int(rows, 0, "value")};
}

/* ---- using one ---- */

/* Remembers this person's n-th use; which of several at the same time that is, the key decides. */
static AISHA_ASYNC int remember_use(struct aisha_ctx *ctx, const char *user_id, const char *code,
                                    int64_t *ret_n)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(
        ctx, &rows,
        "INSERT INTO promo_code_uses (user_id, code, n, used_at)"
        " SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COUNT(*) + 1, CAST($3 AS BIGINT)"
        " FROM promo_code_uses"
        " WHERE user_id = $1 AND code = $2 RETURNING n",
        user_id, code, aisha_now(ctx));
    if (r == 0)
        *ret_n = aisha_cell_int(rows, 0, "n");
    return r;
}

/* The code's row is locked from here on, so that the conditions hold until the end. */
static AISHA_ASYNC int take_one(struct aisha_ctx *ctx, const char *code, struct promo *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_exec(ctx, "UPDATE promo_codes SET uses = uses WHERE code = $1", code);
    if (r == 0)
        r = aisha_db_query(ctx, &rows,
                           "UPDATE promo_codes SET uses = uses + 1 WHERE" IS_GOOD
                           " RETURNING code, kind, value",
                           code, aisha_user_id(ctx), aisha_now(ctx));
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return PROMO_REFUSED;
    *ret = read_promo(rows);
    return 0;
}

static AISHA_ASYNC int redeem_credits(struct aisha_ctx *ctx, const char *code, struct promo *ret)
{
    int64_t n;

    int r = take_one(ctx, code, ret);
    if (r == 0)
        r = remember_use(ctx, aisha_user_id(ctx), code, &n);
    if (r != 0)
        return r;
    const struct entry entry = {.type = ENTRY_PROMO,
                                .op_id = aisha_printf(ctx, "promo:%s:%d", code, (int)n),
                                .amount = ret->value,
                                .description = code};
    return ledger_post(ctx, aisha_user_id(ctx), &entry);
}

static AISHA_ASYNC int find_good(struct aisha_ctx *ctx, const char *code, struct promo *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, "SELECT code, kind, value FROM promo_codes WHERE" IS_GOOD,
                           code, aisha_user_id(ctx), aisha_now(ctx));
    if (r == 0)
        *ret = rows->row_count ? read_promo(rows) : (struct promo){0};
    return r;
}

static AISHA_ASYNC int redeem_now(struct aisha_ctx *ctx, const char *code, struct promo *ret)
{
    int r = aisha_db_begin(ctx);

    if (r == 0)
        r = redeem_credits(ctx, code, ret);
    r = aisha_db_end(ctx, r);
    if (r < 0)
        return r;
    return r == 0 ? PROMO_CREDITED : PROMO_REFUSED;
}

int promo_redeem(struct aisha_ctx *ctx, const char *code, struct promo *ret)
{
    int r = find_good(ctx, code, ret);

    if (r < 0 || !ret->code)
        return r < 0 ? r : PROMO_REFUSED;
    if (strcmp(ret->kind, "balance") == 0)
        return redeem_now(ctx, code, ret);
    r = aisha_db_exec(ctx,
                      "INSERT INTO waiting_promos (user_id, code) VALUES ($1, $2)"
                      " ON CONFLICT (user_id) DO UPDATE SET code = excluded.code",
                      aisha_user_id(ctx), code);
    return r < 0 ? r : PROMO_AT_TOP_UP;
}

/* ---- at a top-up ---- */

int promo_is_good(struct aisha_ctx *ctx, const char *code, bool *ret)
{
    struct promo promo;

    int r = find_good(ctx, code, &promo);
    if (r == 0)
        *ret = promo.code != NULL;
    return r;
}

int promo_waiting(struct aisha_ctx *ctx, struct promo *ret)
{
    const struct aisha_rows *rows;

    *ret = (struct promo){0};
    int r = aisha_db_query(ctx, &rows, "SELECT code FROM waiting_promos WHERE user_id = $1",
                           aisha_user_id(ctx));
    if (r < 0 || rows->row_count == 0)
        return r;
    return find_good(ctx, aisha_cell_text(rows, 0, "code"), ret);
}

int promo_used(struct aisha_ctx *ctx, const char *user_id, const char *code)
{
    int64_t n;

    int r = aisha_db_exec(ctx, "UPDATE promo_codes SET uses = uses + 1 WHERE code = $1", code);
    if (r == 0)
        r = remember_use(ctx, user_id, code, &n);
    if (r == 0)
        r = aisha_db_exec(ctx, "DELETE FROM waiting_promos WHERE user_id = $1 AND code = $2",
                          user_id, code);
    return r;
}
