#include "host/bot/check_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/config.h"
#include "host/bot/health.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/db.h"

enum { CHECK_MS = 20 * 1000 };

struct check {
    struct bot bot;
    struct arena arena;
    struct health_row *rows;
    size_t count;
    int result;
};

/* What cannot be opened is said by its check. */
static AISHA_ASYNC void open_stores(struct check *check)
{
    struct bot *bot = &check->bot;

    int r = db_open_beside(&bot->db, bot->loop, bot->config->database.url, &check->arena,
                           &bot->database_error);
    bot->is_database_new = r == -ENOENT;
    aisha_ignore(bot_open_blobs(bot));
    aisha_ignore(bot_open_cache(bot, &bot->cache_error));
}

static AISHA_ASYNC void check_task(void *arg)
{
    struct check *check = arg;

    open_stores(check);
    check->count = health_ask(check->bot.health, &check->arena, CHECK_MS, &check->rows);
    loop_stop(check->bot.loop);
}

/* A row as wide as its text: what is wrong has to be read as a whole. */
static void print_row(const struct health_row *row)
{
    printf("%-8s %-20s %7" PRId64 " ms", health_state_name(row->health.state), row->name,
           (row->latency_us + 500) / 1000);
    if (row->health.text)
        printf("  %s", row->health.text);
    printf("\n");
    if (row->health.advice && row->health.state != AISHA_HEALTH_OK)
        printf("    %s\n", row->health.advice);
}

static int print_rows(const struct check *check)
{
    size_t counts[AISHA_HEALTH_FAILED + 1] = {0};

    for (size_t i = 0; i < check->count; i++) {
        print_row(&check->rows[i]);
        counts[check->rows[i].health.state]++;
    }
    printf("%zu ok, %zu warnings, %zu failed\n", counts[AISHA_HEALTH_OK],
           counts[AISHA_HEALTH_WARNING], counts[AISHA_HEALTH_FAILED]);
    return counts[AISHA_HEALTH_FAILED] ? -AISHA_E_UNAVAILABLE : 0;
}

int check_command(const struct config *config, const struct registry *registry,
                  const struct catalogue *texts, const char *program)
{
    struct check check = {
        .bot = {.config = config, .registry = registry, .texts = texts, .program = program}};

    int r = bot_init(&check.bot);
    if (r == 0)
        r = health_board_new(&check.bot.health, &check.bot);
    if (r == 0)
        r = task_start(check.bot.loop, "check", check_task, &check, NULL);
    if (r == 0)
        r = loop_run(check.bot.loop);
    if (r < 0)
        fprintf(stderr, "aisha: the check could not be made: %s\n", aisha_error_text(r));
    else
        r = print_rows(&check);
    bot_done(&check.bot);
    arena_clear(&check.arena);
    return r;
}
