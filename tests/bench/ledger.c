/*
 * The ledger at work: ledger CLIENTS SECONDS. So many coroutines hold and capture, each for somebody of
 * its own and each movement in a transaction, on the server that AISHA_TEST_POSTGRES names, which has
 * a quote for every turn. Prints how many times a second. Of 0 clients: only makes the plugin's tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/ledger_fixture.h"

static int64_t seconds, done;
static struct timespec end;

static bool is_over(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec);
}

static AISHA_ASYNC int move(struct aisha_ctx *ctx, const char *quote, bool is_capture)
{
    int r = aisha_db_begin(ctx);

    if (r == 0)
        r = is_capture ? ledger_capture(ctx, ctx->user_id, quote, 1)
                       : ledger_hold(ctx, ctx->user_id, quote, NULL);
    return aisha_db_end(ctx, r);
}

static void work(struct fixture *f, int64_t client)
{
    for (int64_t n = 1; !is_over(); n++) {
        struct aisha_ctx unit = {.f = f};
        unit.user_id = arena_printf(&unit.arena, "user-%lld", (long long)client);
        const char *quote = arena_printf(&unit.arena, "%lld", (long long)n);
        CHECK(f, move(&unit, quote, false) == 0 && move(&unit, quote, true) == 0);
        arena_clear(&unit.arena);
        if (f->failures)
            return;
        done++;
    }
}

static int64_t clients;

static void run(struct fixture *f)
{
    const char *error = "";

    if (db_open(&f->db, f->loop, getenv("AISHA_TEST_POSTGRES"), &f->arena, &error) < 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    if (!clients)
        make_ledger(f, 0, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    run_many(f, clients, work);
    db_close(f->db);
}

int main(int argc, char **argv)
{
    struct fixture f = {.tell_fd = -1};

    if (argc != 3 || !getenv("AISHA_TEST_POSTGRES")) {
        fprintf(stderr, "usage: AISHA_TEST_POSTGRES=URL ledger CLIENTS SECONDS\n");
        return 2;
    }
    clients = strtoll(argv[1], NULL, 10);
    seconds = strtoll(argv[2], NULL, 10);
    run_scenario(&f, run);
    printf("%.1f\n", (double)done / (double)(seconds ? seconds : 1));
    arena_clear(&f.arena);
    return f.failures != 0;
}
