#include "ledger.h"

#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "tariff.h"

enum { EXPIRED_AT_ONCE = 100, TOTALED_AT_ONCE = 20000, QUOTE_KEPT_S = 7 * 86400 };

/* How each type of entry moves credits, and what that does to the person's account. */
static const struct movement {
    const char *name, *from, *to;
    int balance, held; /* -1, 0, 1 */
    int bought, given, spent, refunded, revoked;
} movements[ENTRY_TYPES] = {
    [ENTRY_HOLD] = {"hold", "user", "held", -1, 1},
    [ENTRY_CAPTURE] = {"capture", "held", "revenue", 0, -1, .spent = 1},
    [ENTRY_RELEASE] = {"release", "held", "user", 1, -1},
    [ENTRY_TOPUP] = {"topup", "payments", "user", 1, 0, .bought = 1},
    [ENTRY_BONUS] = {"bonus", "gifts", "user", 1, 0, .given = 1},
    [ENTRY_GRANT] = {"grant", "gifts", "user", 1, 0, .given = 1},
    [ENTRY_PROMO] = {"promo", "gifts", "user", 1, 0, .given = 1},
    [ENTRY_REVOKE] = {"revoke", "user", "gifts", -1, 0, .revoked = 1},
    [ENTRY_REFUND] = {"refund", "user", "payments", -1, 0, .refunded = 1},
    [ENTRY_CORRECT_UP] = {"correction", "books", "user", 1, 0},
    [ENTRY_CORRECT_DOWN] = {"correction", "user", "books", -1, 0},
};

const char *entry_type_name(enum entry_type type)
{
    return movements[type].name;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- one movement ---- */

/* Nothing of what failed shall be committed. */
static AISHA_ASYNC int give_up(struct aisha_ctx *ctx, int r)
{
    return r < 0 ? aisha_db_end(ctx, r) : r;
}

/* From here to the end of the transaction nobody else moves this person's credits. */
static AISHA_ASYNC int lock_account(struct aisha_ctx *ctx, const char *user_id, struct account *ret)
{
    const struct aisha_rows *rows;

    if (!user_id)
        return aisha_fail(ctx, -AISHA_E_INVALID, "credits of nobody");
    if (!aisha_db_in_transaction(ctx))
        return aisha_fail(ctx, -AISHA_E_INVALID, "credits are moved within a transaction");
    int r = aisha_db_query(ctx, &rows,
                           "INSERT INTO user_balances (user_id, balance, held, entries, updated_at)"
                           " VALUES ($1, 0, 0, 0, $2) ON CONFLICT (user_id)"
                           " DO UPDATE SET updated_at = excluded.updated_at"
                           " RETURNING balance, held, owed, entries",
                           user_id, aisha_now(ctx));
    if (r < 0)
        return r;
    *ret = (struct account){.balance = aisha_cell_int(rows, 0, "balance"),
                            .held = aisha_cell_int(rows, 0, "held"),
                            .owed = aisha_cell_int(rows, 0, "owed"),
                            .entries = aisha_cell_int(rows, 0, "entries")};
    return 0;
}

/* Whether the occasion was there before: 0 when it was not. */
static AISHA_ASYNC int compare_occasion(struct aisha_ctx *ctx, const char *user_id,
                                        const struct entry *entry)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(
        ctx, &rows, "SELECT type, amount FROM transactions WHERE user_id = $1 AND op_id = $2",
        user_id, entry->op_id);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return 0;
    const char *type = aisha_cell_text(rows, 0, "type");
    if (strcmp(type, movements[entry->type].name) == 0 &&
        aisha_cell_int(rows, 0, "amount") == entry->amount)
        return LEDGER_BEFORE;
    return aisha_fail(ctx, -AISHA_E_CONFLICT, "the occasion \"%s\" was another movement",
                      entry->op_id);
}

/* Appends the row and changes the account to match. */
static AISHA_ASYNC int move(struct aisha_ctx *ctx, const char *user_id, struct account *account,
                            const struct entry *entry)
{
    const struct movement *movement = &movements[entry->type];
    struct account after = {.balance = account->balance + movement->balance * entry->amount,
                            .held = account->held + movement->held * entry->amount,
                            .owed = account->owed,
                            .entries = account->entries + 1};
    const struct aisha_rows *rows;

    if (after.balance < 0) {
        int before = compare_occasion(ctx, user_id, entry);
        return before == 0 ? LEDGER_SHORT : before;
    }
    if (after.balance > LEDGER_MAX_BALANCE)
        return aisha_fail(ctx, -AISHA_E_LIMIT, "a balance of over %" PRId64 " credits",
                          LEDGER_MAX_BALANCE / CREDIT);
    int r = aisha_db_query(
        ctx, &rows,
        "INSERT INTO transactions (user_id, n, op_id, type, from_account, to_account, amount,"
        " balance, description, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (user_id, op_id) DO NOTHING",
        user_id, after.entries, entry->op_id, movement->name, movement->from, movement->to,
        entry->amount, after.balance, entry->description, aisha_now(ctx));
    if (r < 0)
        return r;
    if (rows->changed_count == 0)
        return compare_occasion(ctx, user_id, entry);
    r = aisha_db_exec(ctx,
                      "UPDATE user_balances SET balance = $2, held = $3, entries = $4,"
                      " bought = bought + $5, given = given + $6, spent = spent + $7,"
                      " refunded = refunded + $8, revoked = revoked + $9, owed = $10"
                      " WHERE user_id = $1",
                      user_id, after.balance, after.held, after.entries,
                      movement->bought * entry->amount, movement->given * entry->amount,
                      movement->spent * entry->amount, movement->refunded * entry->amount,
                      movement->revoked * entry->amount, after.owed);
    if (r == 0)
        *account = after;
    return r;
}

int ledger_post(struct aisha_ctx *ctx, const char *user_id, const struct entry *entry)
{
    struct account account;

    if (entry->amount <= 0 || entry->amount > LEDGER_MAX_AMOUNT)
        return give_up(ctx,
                       aisha_fail(ctx, -AISHA_E_INVALID, "an amount of %" PRId64, entry->amount));
    int r = lock_account(ctx, user_id, &account);
    if (r == 0)
        r = move(ctx, user_id, &account, entry);
    return give_up(ctx, r);
}

/* What cannot be taken is owed, as far as it is held and not owed yet. */
static AISHA_ASYNC int take_locked(struct aisha_ctx *ctx, const char *user_id, struct entry entry,
                                   struct taken *ret)
{
    struct account account;

    int r = lock_account(ctx, user_id, &account);
    if (r < 0)
        return r;
    int64_t wanted = entry.amount;
    entry.amount = lesser(wanted, account.balance);
    int64_t owed = lesser(wanted - entry.amount, account.held - account.owed);
    if (entry.amount)
        r = move(ctx, user_id, &account, &entry);
    if (r == 0 && owed)
        r = aisha_db_exec(ctx, "UPDATE user_balances SET owed = owed + $2 WHERE user_id = $1",
                          user_id, owed);
    if (r == 0)
        *ret = (struct taken){.now = entry.amount, .later = owed};
    return r;
}

int ledger_take(struct aisha_ctx *ctx, const char *user_id, const struct entry *entry,
                struct taken *ret)
{
    return give_up(ctx, take_locked(ctx, user_id, *entry, ret));
}

int ledger_read(struct aisha_ctx *ctx, const char *user_id, struct account *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(
        ctx, &rows, "SELECT balance, held, owed, entries FROM user_balances WHERE user_id = $1",
        user_id);
    if (r < 0)
        return r;
    *ret = (struct account){.balance = aisha_cell_int(rows, 0, "balance"),
                            .held = aisha_cell_int(rows, 0, "held"),
                            .owed = aisha_cell_int(rows, 0, "owed"),
                            .entries = aisha_cell_int(rows, 0, "entries")};
    return 0;
}

/* Of the next accounts by their keys, behind that one, added to *totals; ret_last is NULL behind the
 * last of all. */
static AISHA_ASYNC int add_page(struct aisha_ctx *ctx, const char *after,
                                struct ledger_totals *totals, const char **ret_last)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT MAX(user_id) AS last, COUNT(*) AS accounts,"
                           " COUNT(CASE WHEN balance > 0 THEN 1 END) AS people,"
                           " CAST(SUM(balance) AS BIGINT) AS balance,"
                           " CAST(SUM(held) AS BIGINT) AS held,"
                           " CAST(SUM(bought) AS BIGINT) AS bought,"
                           " CAST(SUM(given) AS BIGINT) AS given,"
                           " CAST(SUM(spent) AS BIGINT) AS spent,"
                           " CAST(SUM(refunded) AS BIGINT) AS refunded,"
                           " CAST(SUM(revoked) AS BIGINT) AS revoked"
                           " FROM (SELECT * FROM user_balances WHERE user_id > $1"
                           "  ORDER BY user_id LIMIT $2) AS page",
                           after, TOTALED_AT_ONCE);
    if (r < 0)
        return r;
    totals->people += aisha_cell_int(rows, 0, "people");
    totals->balance += aisha_cell_int(rows, 0, "balance");
    totals->held += aisha_cell_int(rows, 0, "held");
    totals->bought += aisha_cell_int(rows, 0, "bought");
    totals->given += aisha_cell_int(rows, 0, "given");
    totals->spent += aisha_cell_int(rows, 0, "spent");
    totals->refunded += aisha_cell_int(rows, 0, "refunded");
    totals->revoked += aisha_cell_int(rows, 0, "revoked");
    *ret_last = aisha_cell_int(rows, 0, "accounts") == TOTALED_AT_ONCE
                    ? aisha_cell_text(rows, 0, "last")
                    : NULL;
    return 0;
}

/* In pages, so that others have their turn at the database. Nothing moves from one person to another,
 * so it is as good as in one moment. */
int ledger_total(struct aisha_ctx *ctx, struct ledger_totals *ret)
{
    struct ledger_totals totals = {0};
    const char *last = "";
    int r = 0;

    while (r == 0 && last)
        r = add_page(ctx, last, &totals, &last);
    if (r == 0)
        *ret = totals;
    return r;
}

/* ---- holds ---- */

struct hold {
    const char *state, *title;
    struct tariff tariff;
    int64_t amount, expires_at;
};

static AISHA_ASYNC int read_hold(struct aisha_ctx *ctx, const char *user_id, const char *id,
                                 struct hold *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT state, title, unit, price, free_units, amount, expires_at"
                           " FROM holds WHERE user_id = $1 AND id = $2",
                           user_id, id);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return LEDGER_NO_HOLD;
    *ret = (struct hold){
        .state = aisha_cell_text(rows, 0, "state"),
        .title = aisha_cell_text(rows, 0, "title"),
        .tariff = {.unit = tariff_unit(aisha_cell_text(rows, 0, "unit")),
                   .price = aisha_cell_int(rows, 0, "price"),
                   .free_units = aisha_cell_int(rows, 0, "free_units")},
        .amount = aisha_cell_int(rows, 0, "amount"),
        .expires_at = aisha_cell_int(rows, 0, "expires_at"),
    };
    return 0;
}

/* The entry of what happens with a hold; its id names the occasion. */
static struct entry entry_of(struct aisha_ctx *ctx, enum entry_type type, const char *id,
                             const struct hold *hold, int64_t amount)
{
    return (struct entry){.type = type,
                          .op_id = aisha_printf(ctx, "%s:%s", movements[type].name, id),
                          .amount = amount,
                          .description = hold->title};
}

static AISHA_ASYNC int hold_locked(struct aisha_ctx *ctx, const char *user_id, const char *id,
                                   const char *job_id)
{
    struct account account;
    struct hold hold;

    int r = lock_account(ctx, user_id, &account);
    if (r == 0)
        r = read_hold(ctx, user_id, id, &hold);
    if (r != 0)
        return r == LEDGER_NO_HOLD ? LEDGER_OUTDATED : r;
    if (strcmp(hold.state, "quoted") != 0)
        return LEDGER_BEFORE;
    if (hold.expires_at <= aisha_now(ctx))
        return LEDGER_OUTDATED;
    const struct entry entry = entry_of(ctx, ENTRY_HOLD, id, &hold, hold.amount);
    r = move(ctx, user_id, &account, &entry);
    if (r != 0)
        return r;
    return aisha_db_exec(ctx,
                         "UPDATE holds SET state = 'held', job_id = $3"
                         " WHERE user_id = $1 AND id = $2",
                         user_id, id, job_id);
}

int ledger_hold(struct aisha_ctx *ctx, const char *user_id, const char *id, const char *job_id)
{
    return give_up(ctx, hold_locked(ctx, user_id, id, job_id));
}

/* So much of the hold is taken, and the rest goes back, less what is owed. */
static AISHA_ASYNC int settle(struct aisha_ctx *ctx, const char *user_id, struct account *account,
                              const char *id, const struct hold *hold, int64_t taken)
{
    const struct entry capture = entry_of(ctx, ENTRY_CAPTURE, id, hold, taken);
    const struct entry release = entry_of(ctx, ENTRY_RELEASE, id, hold, hold->amount - taken);
    const struct entry late = {.type = ENTRY_REFUND,
                               .op_id = aisha_printf(ctx, "late-refund:%s", id),
                               .amount = lesser(account->owed, release.amount),
                               .description = ""};
    int r = 0;

    /* What is not held any more cannot come back: it is forgiven. */
    account->owed = lesser(account->owed - late.amount, account->held - hold->amount);
    if (capture.amount)
        r = move(ctx, user_id, account, &capture);
    if (r == 0 && release.amount)
        r = move(ctx, user_id, account, &release);
    if (r == 0 && late.amount)
        r = move(ctx, user_id, account, &late);
    if (r != 0)
        return r < 0 ? r : aisha_fail(ctx, -AISHA_E_CONFLICT, "hold %s has ended before", id);
    return aisha_db_exec(ctx,
                         "UPDATE holds SET state = $3, captured = $4, ended_at = $5"
                         " WHERE user_id = $1 AND id = $2",
                         user_id, id, taken ? "captured" : "released", taken, aisha_now(ctx));
}

static AISHA_ASYNC int capture_locked(struct aisha_ctx *ctx, const char *user_id, const char *id,
                                      int64_t units)
{
    struct account account;
    struct hold hold;

    int r = lock_account(ctx, user_id, &account);
    if (r == 0)
        r = read_hold(ctx, user_id, id, &hold);
    if (r != 0)
        return r;
    if (strcmp(hold.state, "held") != 0)
        return strcmp(hold.state, "quoted") == 0 ? LEDGER_NO_HOLD : LEDGER_BEFORE;
    int64_t cost = tariff_cost(&hold.tariff, units);
    return settle(ctx, user_id, &account, id, &hold, cost < hold.amount ? cost : hold.amount);
}

int ledger_capture(struct aisha_ctx *ctx, const char *user_id, const char *id, int64_t units)
{
    return give_up(ctx, capture_locked(ctx, user_id, id, units));
}

int ledger_release(struct aisha_ctx *ctx, const char *user_id, const char *id)
{
    return ledger_capture(ctx, user_id, id, 0);
}

int ledger_covers(struct aisha_ctx *ctx, const char *user_id, const char *id, int64_t units)
{
    struct hold hold;

    int r = read_hold(ctx, user_id, id, &hold);
    if (r != 0)
        return r;
    if (strcmp(hold.state, "captured") == 0)
        return 0;
    if (strcmp(hold.state, "held") != 0)
        return LEDGER_NO_HOLD;
    return tariff_cost(&hold.tariff, units) <= hold.amount ? 0 : LEDGER_SHORT;
}

int ledger_find_hold(struct aisha_ctx *ctx, const char *user_id, const char *job_id,
                     const char **ret_id)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, "SELECT id FROM holds WHERE user_id = $1 AND job_id = $2",
                           user_id, job_id);
    if (r < 0)
        return r;
    *ret_id = aisha_cell_text(rows, 0, "id");
    return *ret_id ? 0 : LEDGER_NO_HOLD;
}

static AISHA_ASYNC int release_expired(struct aisha_ctx *ctx, const char *user_id, const char *id)
{
    int r = aisha_db_begin(ctx);

    if (r == 0)
        r = ledger_release(ctx, user_id, id);
    r = aisha_db_end(ctx, r);
    return r < 0 ? r : 0; /* it has ended meanwhile */
}

/* Those of jobs that ended while the plugin was switched off, so that nothing came with their end. */
static AISHA_ASYNC int release_left_behind(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT user_id, id, job_id FROM holds WHERE state = 'held'"
                           " AND expires_at < $1 AND job_id IS NOT NULL"
                           " ORDER BY expires_at LIMIT $2",
                           aisha_now(ctx), EXPIRED_AT_ONCE);
    for (size_t i = 0; r == 0 && i < rows->row_count; i++) {
        bool has_ended = false;
        r = aisha_job_has_ended(ctx, aisha_cell_text(rows, i, "job_id"), &has_ended);
        if (r == 0 && has_ended)
            r = release_expired(ctx, aisha_cell_text(rows, i, "user_id"),
                                aisha_cell_text(rows, i, "id"));
    }
    return r;
}

int ledger_expire(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = release_left_behind(ctx);
    if (r == 0)
        r = aisha_db_exec(ctx, "DELETE FROM holds WHERE state = 'quoted' AND expires_at < $1",
                          aisha_now(ctx) - QUOTE_KEPT_S);
    if (r == 0)
        r = aisha_db_query(ctx, &rows,
                           "SELECT user_id, id FROM holds WHERE state = 'held' AND expires_at < $1"
                           " AND job_id IS NULL ORDER BY expires_at LIMIT $2",
                           aisha_now(ctx), EXPIRED_AT_ONCE);
    for (size_t i = 0; r == 0 && i < rows->row_count; i++)
        r = release_expired(ctx, aisha_cell_text(rows, i, "user_id"),
                            aisha_cell_text(rows, i, "id"));
    return r < 0 ? r : rows->row_count == EXPIRED_AT_ONCE;
}

/* The same in statements alone. They lock the account first, as everything here; each then sees what
 * that let through. Those behind the entries go by them, found by the id of the hold: they are there
 * for what this job holds and for nothing else, since what has an entry and is held is just ending. */
#define HELD_FOR_JOB                                                                               \
    " FROM holds h JOIN user_balances b ON b.user_id = h.user_id"                                  \
    " WHERE h.job_id = $1 AND h.state = 'held'"
#define LATE " CASE WHEN b.owed < h.amount THEN b.owed ELSE h.amount END"
#define ENTERED                                                                                    \
    " FROM holds h JOIN transactions r ON r.user_id = h.user_id AND r.op_id = 'release:' || h.id"  \
    " LEFT JOIN transactions l ON l.user_id = h.user_id AND l.op_id = 'late-refund:' || h.id"      \
    " WHERE h.job_id = $1 AND h.state = 'held'"

const struct aisha_job_ending ledger_job_endings[LEDGER_JOB_ENDINGS] = {
    {.sql = "UPDATE user_balances SET updated_at = $2"
            " WHERE user_id IN (SELECT user_id FROM holds WHERE job_id = $1 AND state = 'held')"},

    {.sql =
         "INSERT INTO transactions (user_id, n, op_id, type, from_account, to_account, amount,"
         " balance, description, created_at)"
         " SELECT h.user_id, b.entries + 1, 'release:' || h.id, 'release', 'held', 'user',"
         " h.amount, b.balance + h.amount, h.title, CAST($2 AS BIGINT)" HELD_FOR_JOB " UNION ALL"
         " SELECT h.user_id, b.entries + 2, 'late-refund:' || h.id, 'refund', 'user', 'payments'," LATE
         ", b.balance + h.amount -" LATE ", '', CAST($2 AS BIGINT)" HELD_FOR_JOB " AND b.owed > 0"},

    {.sql =
         "UPDATE user_balances SET updated_at = $2, entries = ended.n, balance = ended.balance,"
         " held = held - ended.amount, owed = owed - ended.late, refunded = refunded + ended.late"
         " FROM (SELECT h.user_id, h.amount, COALESCE(l.amount, 0) AS late,"
         "  COALESCE(l.n, r.n) AS n, COALESCE(l.balance, r.balance) AS balance" ENTERED ") AS ended"
         " WHERE ended.user_id = user_balances.user_id"},

    {.sql = "UPDATE holds SET state = 'released', ended_at = $2 WHERE job_id = $1"
            " AND state = 'held' AND user_id IN (SELECT h.user_id" ENTERED ")"},
};

/* ---- whether it is right ---- */

/* One statement, so that what it compares is of one moment. */
static const char verification[] =
    "WITH legs AS (SELECT user_id, n, balance,"
    "  CASE 'user' WHEN to_account THEN amount WHEN from_account THEN -amount ELSE 0 END AS own,"
    "  CASE 'held' WHEN to_account THEN amount WHEN from_account THEN -amount ELSE 0 END AS aside,"
    "  CASE from_account WHEN 'payments' THEN amount ELSE 0 END AS bought,"
    "  CASE from_account WHEN 'gifts' THEN amount ELSE 0 END AS given,"
    "  CASE to_account WHEN 'revenue' THEN amount ELSE 0 END AS spent,"
    "  CASE to_account WHEN 'payments' THEN amount ELSE 0 END AS refunded,"
    "  CASE to_account WHEN 'gifts' THEN amount ELSE 0 END AS revoked"
    "  FROM transactions),"
    " sums AS (SELECT user_id, COUNT(*) AS entries, CAST(SUM(own) AS BIGINT) AS balance,"
    "  CAST(SUM(aside) AS BIGINT) AS held, CAST(SUM(bought) AS BIGINT) AS bought,"
    "  CAST(SUM(given) AS BIGINT) AS given, CAST(SUM(spent) AS BIGINT) AS spent,"
    "  CAST(SUM(refunded) AS BIGINT) AS refunded, CAST(SUM(revoked) AS BIGINT) AS revoked"
    "  FROM legs GROUP BY user_id),"
    " steps AS (SELECT user_id, n, balance, ROW_NUMBER() OVER w AS place,"
    "  COALESCE(LAG(balance) OVER w, 0) + own AS wanted FROM legs"
    "  WINDOW w AS (PARTITION BY user_id ORDER BY n)),"
    " open AS (SELECT user_id, CAST(SUM(amount) AS BIGINT) AS held FROM holds"
    "  WHERE state = 'held' GROUP BY user_id)"
    " SELECT (SELECT COUNT(*) FROM user_balances) AS accounts,"
    " (SELECT COUNT(*) FROM transactions) AS entries,"
    " (SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM user_balances) AS balance,"
    " (SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM user_balances) AS held,"
    " (SELECT COUNT(*) FROM user_balances b LEFT JOIN sums s ON s.user_id = b.user_id"
    "  WHERE b.balance <> COALESCE(s.balance, 0) OR b.held <> COALESCE(s.held, 0)"
    "  OR b.entries <> COALESCE(s.entries, 0) OR b.bought <> COALESCE(s.bought, 0)"
    "  OR b.given <> COALESCE(s.given, 0) OR b.spent <> COALESCE(s.spent, 0)"
    "  OR b.refunded <> COALESCE(s.refunded, 0) OR b.revoked <> COALESCE(s.revoked, 0))"
    " + (SELECT COUNT(*) FROM sums s LEFT JOIN user_balances b ON b.user_id = s.user_id"
    "  WHERE b.user_id IS NULL) AS wrong_sums,"
    " (SELECT COUNT(DISTINCT user_id) FROM steps WHERE n <> place OR balance <> wanted)"
    "  AS wrong_chains,"
    " (SELECT COUNT(*) FROM user_balances b LEFT JOIN open o ON o.user_id = b.user_id"
    "  WHERE b.held <> COALESCE(o.held, 0)) AS wrong_holds";

int ledger_verify(struct aisha_ctx *ctx, struct ledger_report *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, verification);
    if (r < 0)
        return r;
    *ret = (struct ledger_report){
        .accounts = aisha_cell_int(rows, 0, "accounts"),
        .entries = aisha_cell_int(rows, 0, "entries"),
        .wrong_sums = aisha_cell_int(rows, 0, "wrong_sums"),
        .wrong_chains = aisha_cell_int(rows, 0, "wrong_chains"),
        .wrong_holds = aisha_cell_int(rows, 0, "wrong_holds"),
        .balance = aisha_cell_int(rows, 0, "balance"),
        .held = aisha_cell_int(rows, 0, "held"),
    };
    return 0;
}
