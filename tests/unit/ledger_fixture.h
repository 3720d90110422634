/*
 * The ledger of plugins/balance on a database of its own, without a host around it: this fixture is
 * as much of the SDK as it needs, and fails or dies between any two of its statements.
 */
#pragma once

#include <stdint.h>

#include <aisha/aisha.h>

#include "plugins/balance/ledger.h"
#include "plugins/balance/quote.h"
#include "tests/unit/db_fixture.h"

enum fault {
    FAULT_FAILS, /* the statement is not run; a commit may have been */
    FAULT_KILLS, /* the process ends there */
};

/* A unit of work. */
struct aisha_ctx {
    struct fixture *f;
    struct arena arena;
    struct db_tx *tx;
    const char *user_id;
    const char *uuid; /* the next one that is made */
    int64_t later_s;  /* its clock is so much ahead */
    int64_t steps;    /* statements so far, and the ends of its transactions */
    int64_t fault_at; /* that one has the fault; 0 = none */
    enum fault fault;
    void (*before_commit)(struct aisha_ctx *ctx); /* may suspend; or NULL */
};

/* One that moves credits, each with the same amount whenever it is run. */
enum op_kind {
    OP_GRANT,
    OP_TOPUP,
    OP_REFUND,
    OP_REVOKE,
    OP_CORRECT,
    OP_HOLD, /* of quote n; an odd one for a job of its own */
    OP_CAPTURE,
    OP_RELEASE,
    OP_END_JOB,
    OP_EXPIRE,
    OP_PAY,    /* invoice n, by charge n */
    OP_UNPAY,  /* the charge was refunded */
    OP_REDEEM, /* the promo code n modulo PROMO_CODES */
    OP_KINDS,
};

struct op {
    enum op_kind kind;
    int64_t user, n;
};

enum { PROMO_CODES = 4, PROMO_USES = 3 };

/* So many people with so many quotes and invoices each, and a first grant; promo codes that are good
 * for PROMO_USES people, once each; and the plugin's tables. */
AISHA_ASYNC void make_ledger(struct fixture *f, int64_t users, int64_t count);

int64_t amount_of(struct op op);
const char *op_id(struct fixture *f,
                  struct op op); /* NULL for one that names no entry of its own */

/* As a handler would, in a transaction. */
AISHA_ASYNC int run_op(struct aisha_ctx *ctx, struct op op);

/* The same with a unit of its own. */
AISHA_ASYNC int run_alone(struct fixture *f, struct op op);

/* One after the other, each of which has to be done. */
AISHA_ASYNC void do_all(struct fixture *f, const struct op *ops, size_t count);

#define DO(f, ...)                                                                                 \
    do_all((f), (const struct op[]){__VA_ARGS__},                                                  \
           sizeof((const struct op[]){__VA_ARGS__}) / sizeof(struct op))

struct account account_of(struct fixture *f, int64_t user);

#define CHECK_ACCOUNT(f, user, wanted_balance, wanted_held)                                        \
    do {                                                                                           \
        struct account account_ = account_of((f), (user));                                         \
        CHECK_INT((f), account_.balance, (wanted_balance));                                        \
        CHECK_INT((f), account_.held, (wanted_held));                                              \
    } while (0)

/* All that has to be true of the tables at any time. */
AISHA_ASYNC void check_ledger(struct fixture *f);
