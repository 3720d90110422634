#include "tests/unit/ledger_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/store/jobs.h"
#include "host/store/migrate.h"
#include "host/store/uuid.h"
#include "plugins/balance/invoice.h"
#include "plugins/balance/promo.h"
#include "plugins/balance/schema.h"

#define TARIFFS "work 1.50 per item, call 10 per minute first 60 free, whole 150"

/* ---- as much of the SDK as the ledger needs ---- */

static int step(struct aisha_ctx *ctx)
{
    if (++ctx->steps != ctx->fault_at)
        return 0;
    if (ctx->fault == FAULT_KILLS)
        kill(getpid(), SIGKILL);
    return -AISHA_E_UNAVAILABLE;
}

int aisha_db_query_(struct aisha_ctx *ctx, const struct aisha_rows **ret_rows,
                    const struct aisha_statement *statement)
{
    int r = step(ctx);

    if (r < 0)
        return r;
    return ctx->tx ? db_tx_query(ctx->tx, &ctx->arena, statement, ret_rows)
                   : db_query(ctx->f->db, &ctx->arena, statement, ret_rows);
}

bool aisha_db_in_transaction(struct aisha_ctx *ctx)
{
    return ctx->tx != NULL;
}

int aisha_db_begin(struct aisha_ctx *ctx)
{
    int r = step(ctx);

    return r < 0 ? r : db_begin(ctx->f->db, &ctx->tx);
}

int aisha_db_rollback(struct aisha_ctx *ctx)
{
    struct db_tx *tx = ctx->tx;

    ctx->tx = NULL;
    if (tx)
        db_rollback(tx);
    return tx ? 0 : -AISHA_E_INVALID;
}

int aisha_db_commit(struct aisha_ctx *ctx)
{
    struct db_tx *tx = ctx->tx;

    int r = step(ctx);
    if (r < 0 || !tx)
        return r < 0 ? r : -AISHA_E_INVALID;
    if (ctx->before_commit)
        ctx->before_commit(ctx);
    ctx->tx = NULL;
    r = db_commit(tx);
    return r < 0 ? r : step(ctx);
}

int64_t aisha_now(struct aisha_ctx *ctx)
{
    return (int64_t)time(NULL) + ctx->later_s;
}

const char *aisha_uuid(struct aisha_ctx *ctx)
{
    return ctx->uuid;
}

int aisha_uuid_pack(const char *text, struct aisha_uuid *ret)
{
    return uuid_pack(text, ret->bytes);
}

const char *aisha_user_id(struct aisha_ctx *ctx)
{
    return ctx->user_id;
}

void *aisha_alloc(struct aisha_ctx *ctx, size_t size_bytes)
{
    return arena_alloc(&ctx->arena, size_bytes);
}

char *aisha_printf(struct aisha_ctx *ctx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = arena_vprintf(&ctx->arena, format, args);
    va_end(args);
    return text;
}

int aisha_fail(struct aisha_ctx *ctx, int code, const char *format, ...)
{
    (void)ctx, (void)format;
    return code;
}

const char *aisha_t_plain_(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    (void)ctx, (void)args;
    return key;
}

/* Those of the tests go on until OP_END_JOB. */
int aisha_job_has_ended(struct aisha_ctx *ctx, const char *id, bool *ret_has_ended)
{
    (void)ctx;
    (void)id;
    *ret_has_ended = false;
    return 0;
}

int aisha_job_enqueue_(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_job *job)
{
    const struct job_order order = {
        .id = uuid_new(&ctx->arena), .plugin = "balance", .kind = job->kind};
    const struct aisha_statement insert = job_insert(&ctx->arena, &order);

    (void)ret_id;
    return aisha_db_query_(ctx, NULL, &insert);
}

/* ---- people ---- */

static const char *user_id(struct fixture *f, int64_t user)
{
    return arena_printf(&f->arena, "user-%lld", (long long)user);
}

static struct aisha_ctx unit_of(struct fixture *f, int64_t user)
{
    return (struct aisha_ctx){.f = f, .user_id = user_id(f, user)};
}

static AISHA_ASYNC void make_quote(struct fixture *f, int64_t user, int64_t n)
{
    struct aisha_ctx unit = unit_of(f, user);
    const struct aisha_quote *quote;
    const struct aisha_quote_request request = {.size = sizeof request,
                                                .tariff = "work",
                                                .units = n % 7 + 1,
                                                .title = "work",
                                                .plugin = "worker"};

    unit.uuid = arena_printf(&f->arena, "q%lld", (long long)n);
    CHECK(f, quote_make(&unit, TARIFFS, &request, &quote) == 0);
    arena_clear(&unit.arena);
}

static const char *numbered(struct arena *arena, const char *name, int64_t n)
{
    return arena_printf(arena, "%s%lld", name, (long long)n);
}

static AISHA_ASYNC void make_invoice(struct fixture *f, int64_t user, int64_t n)
{
    struct aisha_ctx unit = unit_of(f, user);
    const char *id = arena_printf(&unit.arena, "%s-i%lld", unit.user_id, (long long)n);

    CHECK(f, invoice_add(&unit, &(const struct invoice){.user_id = unit.user_id,
                                                        .id = id,
                                                        .currency = STARS,
                                                        .quote_id = "",
                                                        .promo = "",
                                                        .credits = 700,
                                                        .bonus = n % 2 * 50,
                                                        .price = 7}) == 0);
    arena_clear(&unit.arena);
}

static AISHA_ASYNC void make_promo(struct fixture *f, int64_t n)
{
    struct aisha_ctx unit = {.f = f};
    const struct promo promo = {numbered(&unit.arena, "CODE", n), "balance", 100};

    CHECK(f, promo_set(&unit, &promo,
                       &(const struct promo_limits){.uses = PROMO_USES, .per_person = 1}) == 0);
    arena_clear(&unit.arena);
}

void make_ledger(struct fixture *f, int64_t users, int64_t count)
{
    const char *error = "";

    int r = migrate(f->db, &f->arena, "balance", balance_migrations, BALANCE_MIGRATIONS, &error);
    check(f, r == 0, error, __FILE__, __LINE__);
    for (int64_t user = 0; user < users; user++) {
        CHECK(f, run_alone(f, (struct op){OP_GRANT, user, 0}) == 0);
        for (int64_t n = 0; n < count; n++) {
            make_quote(f, user, n);
            make_invoice(f, user, n);
        }
    }
    for (int64_t n = 0; n < PROMO_CODES; n++)
        make_promo(f, n);
}

/* ---- what they do ---- */

int64_t amount_of(struct op op)
{
    return (op.n * 37 % 50 + 1) * (op.kind == OP_GRANT ? 40 : 25);
}

const char *op_id(struct fixture *f, struct op op)
{
    static const char *const names[OP_KINDS] = {
        [OP_GRANT] = "grant:",   [OP_TOPUP] = "topup:",     [OP_REFUND] = "refund:",
        [OP_REVOKE] = "revoke:", [OP_CORRECT] = "correct:", [OP_HOLD] = "hold:q",
    };

    return names[op.kind] ? arena_printf(&f->arena, "%s%lld", names[op.kind], (long long)op.n)
                          : NULL;
}

static AISHA_ASYNC int post(struct aisha_ctx *ctx, struct op op)
{
    static const enum entry_type types[] = {
        [OP_GRANT] = ENTRY_GRANT,   [OP_TOPUP] = ENTRY_TOPUP,          [OP_REFUND] = ENTRY_REFUND,
        [OP_REVOKE] = ENTRY_REVOKE, [OP_CORRECT] = ENTRY_CORRECT_DOWN,
    };
    const struct entry entry = {.type = types[op.kind],
                                .op_id = op_id(ctx->f, op),
                                .amount = amount_of(op),
                                .description = "test"};

    return ledger_post(ctx, ctx->user_id, &entry);
}

/* As the host does when a job ends, but each statement in a second of its own: none may go by it. */
static AISHA_ASYNC int end_job(struct aisha_ctx *ctx, const char *job_id)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < LEDGER_JOB_ENDINGS; i++)
        r = aisha_db_query_(
            ctx, NULL, &AISHA_SQL(ledger_job_endings[i].sql, job_id, aisha_now(ctx) + (int64_t)i));
    return r;
}

static AISHA_ASYNC int run_in_transaction(struct aisha_ctx *ctx, struct op op)
{
    const char *quote = arena_printf(&ctx->arena, "q%lld", (long long)op.n);
    const char *job = arena_printf(&ctx->arena, "job-%s-%s", ctx->user_id, quote);

    switch (op.kind) {
    case OP_HOLD:
        return ledger_hold(ctx, ctx->user_id, quote, op.n % 2 ? job : NULL);
    case OP_CAPTURE:
        return ledger_capture(ctx, ctx->user_id, quote, op.n % 5 + 1);
    case OP_RELEASE:
        return ledger_release(ctx, ctx->user_id, quote);
    case OP_END_JOB:
        return end_job(ctx, job);
    default:
        return post(ctx, op);
    }
}

static AISHA_ASYNC int pay(struct aisha_ctx *ctx, int64_t n)
{
    const struct payment payment = {
        .charge_id = arena_printf(&ctx->arena, "%s-c%lld", ctx->user_id, (long long)n),
        .payload = arena_printf(&ctx->arena, "%s-i%lld", ctx->user_id, (long long)n),
        .currency = STARS,
        .total = 7};

    return payment_credit(ctx, ctx->user_id, &payment);
}

static AISHA_ASYNC int unpay(struct aisha_ctx *ctx, int64_t n)
{
    const char *charge = arena_printf(&ctx->arena, "%s-c%lld", ctx->user_id, (long long)n);

    return payment_take_back(ctx, ctx->user_id, charge, NULL);
}

/* 0 or LEDGER_BEFORE as for the others. */
static AISHA_ASYNC int redeem(struct aisha_ctx *ctx, int64_t n)
{
    struct promo promo;

    int r = promo_redeem(ctx, numbered(&ctx->arena, "CODE", n % PROMO_CODES), &promo);
    return r == PROMO_CREDITED ? 0 : r == PROMO_REFUSED ? LEDGER_BEFORE : r;
}

/* What has transactions of its own. */
static AISHA_ASYNC int run_whole(struct aisha_ctx *ctx, struct op op)
{
    switch (op.kind) {
    case OP_EXPIRE:
        ctx->later_s = 2 * 86400;
        return ledger_expire(ctx);
    case OP_PAY:
        return pay(ctx, op.n);
    case OP_UNPAY:
        return unpay(ctx, op.n);
    default:
        return redeem(ctx, op.n);
    }
}

int run_op(struct aisha_ctx *ctx, struct op op)
{
    int r;

    if (op.kind >= OP_EXPIRE) {
        r = run_whole(ctx, op);
        aisha_ignore(aisha_db_rollback(ctx)); /* as the host does with what was left open */
        return r;
    }
    r = aisha_db_begin(ctx);
    if (r == 0)
        r = run_in_transaction(ctx, op);
    if (r == 0)
        r = aisha_db_commit(ctx);
    aisha_ignore(aisha_db_rollback(ctx));
    return r;
}

int run_alone(struct fixture *f, struct op op)
{
    struct aisha_ctx unit = unit_of(f, op.user);

    int r = run_op(&unit, op);
    arena_clear(&unit.arena);
    return r;
}

void do_all(struct fixture *f, const struct op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK_INT(f, run_alone(f, ops[i]), 0);
}

/* ---- what is true ---- */

struct account account_of(struct fixture *f, int64_t user)
{
    struct aisha_ctx unit = unit_of(f, user);
    struct account account = {0};

    CHECK(f, ledger_read(&unit, unit.user_id, &account) == 0);
    arena_clear(&unit.arena);
    return account;
}

/* Holds whose entries are not what their state says. */
static const char torn_holds[] =
    "SELECT COUNT(*) AS n FROM holds h"
    " LEFT JOIN transactions t ON t.user_id = h.user_id AND t.op_id = 'hold:' || h.id"
    " LEFT JOIN transactions c ON c.user_id = h.user_id AND c.op_id = 'capture:' || h.id"
    " LEFT JOIN transactions r ON r.user_id = h.user_id AND r.op_id = 'release:' || h.id"
    " WHERE COALESCE(t.amount, 0) <> CASE h.state WHEN 'quoted' THEN 0 ELSE h.amount END"
    " OR COALESCE(c.amount, 0) <> h.captured OR COALESCE(r.amount, 0) <>"
    " CASE WHEN h.state IN ('captured', 'released') THEN h.amount - h.captured ELSE 0 END";

/* Payments without their entries and the job for the receipt, or the other way round. */
static const char torn_payments[] =
    "SELECT ABS((SELECT COUNT(*) FROM payments) -"
    "  (SELECT COUNT(*) FROM jobs WHERE kind = 'receipt'))"
    " + ABS((SELECT COUNT(*) FROM payments) -"
    "  (SELECT COUNT(*) FROM transactions WHERE op_id LIKE 'topup:user-%'))"
    " + (SELECT COUNT(*) FROM payments p"
    "  LEFT JOIN transactions t ON t.user_id = p.user_id AND t.op_id = 'topup:' || p.charge_id"
    "  LEFT JOIN transactions b ON b.user_id = p.user_id AND b.op_id = 'bonus:' || p.charge_id"
    "  LEFT JOIN transactions r ON r.user_id = p.user_id AND r.op_id = 'refund:' || p.charge_id"
    "  WHERE COALESCE(t.amount, 0) <> p.credits OR COALESCE(b.amount, 0) <> p.bonus"
    "  OR COALESCE(r.amount, 0) <> p.taken_back OR p.owed < 0"
    "  OR p.taken_back + p.owed > p.credits + p.bonus"
    "  OR (p.taken_back < p.credits + p.bonus AND r.balance > 0)"
    "  OR (p.state = 'paid' AND p.taken_back + p.owed <> 0)) AS n";

/* Accounts that owe something else than came up at refunds and was not taken since; what was delivered
 * may have been forgiven. And late refunds that are not behind the release they were taken from. */
static const char torn_debts[] =
    "WITH debts AS (SELECT b.owed, b.held, b.spent, (SELECT COALESCE(SUM(p.owed), 0)"
    "   FROM payments p WHERE p.user_id = b.user_id) AS came,"
    "  (SELECT COALESCE(SUM(t.amount), 0) FROM transactions t WHERE t.user_id = b.user_id"
    "   AND t.op_id LIKE 'late-refund:%') AS went FROM user_balances b)"
    " SELECT (SELECT COUNT(*) FROM debts WHERE owed < 0 OR owed > held"
    "  OR came - went - owed NOT BETWEEN 0 AND spent)"
    " + (SELECT COUNT(*) FROM transactions l LEFT JOIN transactions r ON r.user_id = l.user_id"
    "  AND r.n = l.n - 1 AND 'late-refund:' || SUBSTR(r.op_id, 9) = l.op_id"
    "  WHERE l.op_id LIKE 'late-refund:%' AND (r.type IS NULL OR r.type <> 'release'"
    "   OR l.type <> 'refund' OR l.amount > r.amount)) AS n";

/* Promo codes that were used too often, or without an entry. */
static const char torn_promos[] =
    "SELECT (SELECT COUNT(*) FROM promo_codes c WHERE c.uses > c.max_uses OR c.uses <>"
    "  (SELECT COUNT(*) FROM promo_code_uses u WHERE u.code = c.code))"
    " + (SELECT COUNT(*) FROM promo_code_uses WHERE n > 1)"
    " + ABS((SELECT COUNT(*) FROM promo_code_uses) -"
    "  (SELECT COUNT(*) FROM transactions WHERE type = 'promo')) AS n";

static AISHA_ASYNC void check_none(struct fixture *f, const char *sql)
{
    struct aisha_ctx unit = {.f = f};
    const struct aisha_rows *rows;

    CHECK(f, aisha_db_query(&unit, &rows, sql) == 0);
    check_int(f, aisha_cell_int(rows, 0, "n"), 0, sql, __FILE__, __LINE__);
    arena_clear(&unit.arena);
}

void check_ledger(struct fixture *f)
{
    struct aisha_ctx unit = {.f = f};
    struct ledger_report report;

    CHECK(f, ledger_verify(&unit, &report) == 0);
    CHECK_INT(f, report.wrong_sums, 0);
    CHECK_INT(f, report.wrong_chains, 0);
    CHECK_INT(f, report.wrong_holds, 0);
    check_none(f, torn_holds);
    check_none(f, torn_payments);
    check_none(f, torn_debts);
    check_none(f, torn_promos);
    arena_clear(&unit.arena);
}
