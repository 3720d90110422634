#include "host/bot/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/i18n.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/core/audience.h"
#include "host/core/loop.h"
#include "host/core/redact.h"
#include "host/io/http_server.h"
#include "host/store/db.h"

enum {
    REMOTE_FRESH_MS = 60 * 1000,
    COSTLY_FRESH_MS = 5 * 1000,
    READY_MS = 5 * 1000,     /* for GET /readyz, whose callers do not wait for long */
    QUESTION_MS = 10 * 1000, /* then it is cancelled */
};

struct question {
    struct health_board *board;
    const char *name;
    const struct health_check *check; /* of the host, or else: */
    const struct plugin *plugin;
    const struct aisha_health_check *row;
    bool is_running;
    bool is_answered; /* these are the last answer: */
    struct arena arena;
    struct health health;
    int64_t latency_us, answered_at_ms;
    struct audience listeners;
};

struct health_board {
    struct bot *bot;
    struct arena arena;
    size_t count;
    struct question questions[];
};

/* ---- one question ---- */

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int aisha_health_(struct aisha_ctx *ctx, const struct aisha_health_report *report)
{
    if (ctx->health) {
        sized_copy(ctx->health, sizeof *ctx->health, report);
        ctx->health->text = arena_strdup(&ctx->arena, ctx->health->text);
        ctx->health->advice = arena_strdup(&ctx->arena, ctx->health->advice);
    }
    return 0;
}

static AISHA_ASYNC struct health ask_plugin(const struct question *question, struct arena *arena)
{
    struct bot *bot = question->board->bot;
    struct aisha_health_report report = {0};
    struct aisha_ctx ctx = {
        .bot = bot,
        .task = task_current(bot->loop),
        .priority = OUTBOUND_NOTIFICATION,
        .locale = i18n_locale_for(NULL),
        .plugin = question->plugin,
        .handler = question->row->name,
        .health = &report,
        .is_committed = true, /* there is no update to mark */
    };

    int r = handler_run(&ctx, question->row->run);
    if (ctx.tx)
        db_rollback(ctx.tx);
    struct health health = {
        .state = report.state,
        .text = arena_strdup(arena, report.text),
        .advice = arena_strdup(arena, report.advice),
    };
    if (r < 0)
        health = HEALTH_FAILED(
            arena_strdup(arena, ctx.failure_text ? ctx.failure_text : aisha_error_text(r)),
            "see the log");
    arena_clear(&ctx.arena);
    return health;
}

/* Whoever wrote the check may have put into its words what others said. */
static struct health without_secrets(struct arena *arena, struct health health)
{
    health.text = redact(arena_strdup(arena, health.text));
    health.advice = redact(arena_strdup(arena, health.advice));
    return health;
}

static AISHA_ASYNC void ask_task(void *arg)
{
    struct question *question = arg;
    struct bot *bot = question->board->bot;
    struct arena arena = {0};

    task_set_deadline(task_current(bot->loop), QUESTION_MS);
    int64_t before_us = now_us();
    struct health health =
        question->check ? question->check->run(bot, &arena) : ask_plugin(question, &arena);
    arena_clear(&question->arena);
    question->arena = arena;
    question->health = without_secrets(&question->arena, health);
    question->latency_us = now_us() - before_us;
    question->answered_at_ms = loop_now_ms(bot->loop);
    question->is_answered = true;
    question->is_running = false;
    audience_end(&question->listeners);
}

static bool is_remote(const struct question *question)
{
    return !question->check || question->check->is_remote;
}

static bool is_fresh(const struct question *question)
{
    const struct bot *bot = question->board->bot;
    const struct health_check *check = question->check;
    bool is_costly = check && check->is_costly && check->is_costly(bot);
    int64_t fresh_ms = is_remote(question) ? REMOTE_FRESH_MS : is_costly ? COSTLY_FRESH_MS : 0;

    return question->is_answered && loop_now_ms(bot->loop) - question->answered_at_ms < fresh_ms;
}

/* A plugin may use whatever a running bot has; a command has at least the stores. */
static bool can_be_asked(const struct question *question)
{
    const struct bot *bot = question->board->bot;

    return question->check || (bot->blobs && bot->cache && (bot->inbox || !bot->server));
}

/* ---- all of them ---- */

static void add_question(struct health_board *board, const struct question *question)
{
    struct question *added = &board->questions[board->count++];

    *added = *question;
    added->board = board;
}

int health_board_new(struct health_board **ret_board, struct bot *bot)
{
    const struct registry *registry = bot->registry;
    size_t count = health_check_count;

    for (size_t i = 0; i < registry->count; i++)
        count += registry->plugins[i].d.health.count;
    struct health_board *board = calloc(1, sizeof *board + count * sizeof *board->questions);
    if (!board)
        return -ENOMEM;
    board->bot = bot;
    for (size_t i = 0; i < health_check_count; i++)
        if (!health_checks[i].is_wanted || health_checks[i].is_wanted(bot))
            add_question(board, &(struct question){.name = health_checks[i].name,
                                                   .check = &health_checks[i]});
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.health.count; j++)
            add_question(
                board, &(struct question){.name = arena_printf(&board->arena, "%s/%s", plugin->name,
                                                               plugin->d.health.rows[j].name),
                                          .plugin = plugin,
                                          .row = &plugin->d.health.rows[j]});
    }
    *ret_board = board;
    return 0;
}

void health_board_free(struct health_board *board)
{
    if (!board)
        return;
    for (size_t i = 0; i < board->count; i++)
        arena_clear(&board->questions[i].arena);
    arena_clear(&board->arena);
    free(board);
}

static struct health_row answer_of(const struct question *question, struct arena *arena)
{
    struct health_row row = {.name = arena_strdup(arena, question->name)};
    bool has_answer = question->is_answered && (is_remote(question) || !question->is_running);

    if (!has_answer && !can_be_asked(question)) {
        row.health =
            HEALTH_WARNING("not asked: the bot has not started, or a store is missing", NULL);
        return row;
    }
    if (!has_answer) {
        row.health = HEALTH_FAILED("it does not answer in time", NULL);
        return row;
    }
    row.latency_us = question->latency_us;
    row.health = question->health;
    row.health.text = arena_strdup(arena, question->health.text);
    row.health.advice = arena_strdup(arena, question->health.advice);
    return row;
}

size_t health_ask(struct health_board *board, struct arena *arena, int64_t timeout_ms,
                  struct health_row **ret_rows)
{
    struct health_row *rows = arena_alloc(arena, (board->count + 1) * sizeof *rows);
    struct loop *loop = board->bot->loop;
    int64_t until_ms = loop_now_ms(loop) + timeout_ms;

    for (size_t i = 0; i < board->count; i++) {
        struct question *question = &board->questions[i];
        if (!question->is_running && !is_fresh(question) && can_be_asked(question))
            question->is_running = task_start(loop, question->name, ask_task, question, NULL) == 0;
    }
    for (size_t i = 0; i < board->count; i++)
        if (board->questions[i].is_running &&
            (!is_remote(&board->questions[i]) || !board->questions[i].is_answered))
            audience_wait(&board->questions[i].listeners, loop, until_ms);
    for (size_t i = 0; i < board->count; i++)
        rows[i] = answer_of(&board->questions[i], arena);
    *ret_rows = rows;
    return board->count;
}

/* ---- /readyz ---- */

const char *health_state_name(enum aisha_health_state state)
{
    static const char *const names[] = {
        [AISHA_HEALTH_OK] = "ok",
        [AISHA_HEALTH_WARNING] = "warning",
        [AISHA_HEALTH_FAILED] = "failed",
    };

    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "failed";
}

static cJSON *to_json(const struct health_row *rows, size_t count, bool is_ready)
{
    cJSON *root = cJSON_CreateObject(), *checks;

    cJSON_AddBoolToObject(root, "ready", is_ready);
    checks = cJSON_AddArrayToObject(root, "checks");
    for (size_t i = 0; i < count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", rows[i].name);
        cJSON_AddStringToObject(one, "status", health_state_name(rows[i].health.state));
        cJSON_AddNumberToObject(one, "latency_us", (double)rows[i].latency_us);
        if (rows[i].health.text)
            cJSON_AddStringToObject(one, "text", rows[i].health.text);
        if (rows[i].health.advice)
            cJSON_AddStringToObject(one, "advice", rows[i].health.advice);
        cJSON_AddItemToArray(checks, one);
    }
    return root;
}

void health_handle(struct http_exchange *exchange, struct bot *bot)
{
    struct health_row *rows;
    bool is_ready = true;

    size_t count = health_ask(bot->health, exchange->arena, READY_MS, &rows);
    for (size_t i = 0; i < count; i++)
        is_ready = is_ready && rows[i].health.state < AISHA_HEALTH_FAILED;
    cJSON *json = to_json(rows, count, is_ready);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        abort();
    const char *body = arena_strdup(exchange->arena, text);
    cJSON_free(text);
    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_respond(exchange, is_ready ? 200 : 503, "application/json", body, strlen(body));
}
