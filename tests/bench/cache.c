/*
 * Calls of aisha/cache.h by many handlers at once: cache URL CALL COUNT HANDLERS. Prints how many were
 * done in a second, and the CPU time for each, as JSON.
 */
#include "host/store/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <aisha/cache.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/loop.h"
#include "host/core/wait.h"

enum { CALLS_OF_A_HANDLER = 20 };

struct bench {
    struct bot bot;
    struct config config;
    struct plugin plugin;
    AISHA_ASYNC int (*call)(struct aisha_ctx *ctx);
    int64_t left, failed;
    struct wait done;
    size_t running;
};

/* 100 bytes. */
#define TEN "0123456789"
static const char value[] = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN;

static AISHA_ASYNC int call_get(struct aisha_ctx *ctx)
{
    const void *bytes;
    size_t size;

    return aisha_cache_get(ctx, "value", &bytes, &size);
}

static AISHA_ASYNC int call_set(struct aisha_ctx *ctx)
{
    return aisha_cache_set(ctx, "value", value, sizeof value - 1, 3600);
}

static AISHA_ASYNC int call_add(struct aisha_ctx *ctx)
{
    return aisha_cache_add(ctx, "number", 1, 3600, NULL);
}

static AISHA_ASYNC int call_allow(struct aisha_ctx *ctx)
{
    return aisha_cache_allow(ctx, "limit", NULL, .count = 100000000, .per_s = 60);
}

static const struct {
    const char *name;
    AISHA_ASYNC int (*run)(struct aisha_ctx *ctx);
} calls[] = {{"get", call_get}, {"set", call_set}, {"add", call_add}, {"allow", call_allow}};

static AISHA_ASYNC void handler(void *arg)
{
    struct bench *bench = arg;
    struct aisha_ctx ctx = {
        .bot = &bench->bot, .task = task_current(bench->bot.loop), .plugin = &bench->plugin};

    while (bench->left > 0) {
        for (int i = 0; i < CALLS_OF_A_HANDLER && bench->left > 0; i++) {
            bench->left--;
            bench->failed += bench->call(&ctx) != 0;
        }
        arena_clear(&ctx.arena);
    }
    if (--bench->running == 0)
        wait_wake(&bench->done, 0);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static AISHA_ASYNC void measure(void *arg)
{
    struct bench *bench = arg;
    struct bot *bot = &bench->bot;
    double count = (double)bench->left;

    /* The connection is there, and so is what is read. */
    bench->failed += cache_set(bot->cache, "bench:value", value, sizeof value - 1, 3600000) != 0;
    double began_s = now_s(), cpu_began_s = cpu_s();
    wait_init(&bench->done, bot->loop);
    for (size_t i = 0; i < bench->running; i++)
        if (task_start(bot->loop, "handler", handler, bench, NULL) < 0)
            abort();
    aisha_ignore(wait_for(&bench->done, WAIT_FOREVER));
    printf("{\"per_second\": %.0f, \"cpu_us\": %.2f}\n", count / (now_s() - began_s),
           (cpu_s() - cpu_began_s) / count * 1e6);
    bench->failed += (int64_t)cache_outages(bot->cache);
    loop_stop(bot->loop);
}

int main(int argc, char **argv)
{
    struct bench bench = {.config.limits.memory_mb = 256, .plugin.name = "bench"};
    struct bot *bot = &bench.bot;
    const char *error = "";

    if (argc != 5)
        return 2;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(argv[2], calls[i].name) == 0)
            bench.call = calls[i].run;
    bench.left = strtoll(argv[3], NULL, 10);
    bench.running = strtoul(argv[4], NULL, 10);
    bot->config = &bench.config;
    if (!bench.call || loop_new(&bot->loop, &(struct loop_options){.max_tasks = 0}) < 0 ||
        cache_open(&bot->cache, bot->loop, argv[1], "1", &bot->arena, &error) < 0 ||
        task_start(bot->loop, "measure", measure, &bench, NULL) < 0 || loop_run(bot->loop) < 0)
        return 2;
    cache_close(bot->cache);
    loop_free(bot->loop);
    arena_clear(&bot->arena);
    if (bench.failed)
        fprintf(stderr, "%s: %" PRId64 " calls failed\n", argv[2], bench.failed);
    return bench.failed ? 1 : 0;
}
