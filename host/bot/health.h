/*
 * What the bot needs to work, asked whether it does: for GET /readyz and `aisha check`. The host's own
 * checks are a table in health_checks.c, the plugins' are their rows of .health.
 *
 * Each question is a task of its own, so that one that hangs holds up no other; nobody waits for it
 * longer than a given time, and it is not asked again before it has ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/health.h>

struct arena;
struct bot;
struct health_board;
struct http_exchange;

/* What a check has found. */
struct health {
    enum aisha_health_state state;
    const char *text;   /* a few words, or NULL; no secrets */
    const char *advice; /* what to do about it, or NULL */
};

#define HEALTH_OK(what) ((struct health){.text = (what)})
#define HEALTH_WARNING(what, remedy)                                                               \
    ((struct health){.state = AISHA_HEALTH_WARNING, .text = (what), .advice = (remedy)})
#define HEALTH_FAILED(what, remedy)                                                                \
    ((struct health){.state = AISHA_HEALTH_FAILED, .text = (what), .advice = (remedy)})

/* A check of the host. */
struct health_check {
    const char *name;
    bool (*is_wanted)(const struct bot *bot); /* NULL = always; asked when the board is made */
    /* Texts are static or in arena. What it needs may not be open yet. */
    AISHA_ASYNC struct health (*run)(struct bot *bot, struct arena *arena);
    bool is_remote; /* it asks somebody else's server: GET /readyz asks at most once a minute */
    /* Whether it costs others something: GET /readyz asks every few seconds. NULL = never. */
    bool (*is_costly)(const struct bot *bot);
};

extern const struct health_check health_checks[];
extern const size_t health_check_count;

/* All checks of the host and of the plugins of this bot, none asked yet. */
int health_board_new(struct health_board **ret_board, struct bot *bot);

/* No task may be asking. NULL is fine. */
void health_board_free(struct health_board *board);

struct health_row {
    const char *name; /* "database", "openai/key" */
    struct health health;
    int64_t latency_us;
};

/*
 * Asks what has to be asked, and waits for the answers for at most so long; what has not answered by
 * then has failed. Remote checks are asked in the background when their last answer is a minute old;
 * it is given meanwhile. Returns the number of rows; they and their texts are in arena.
 */
AISHA_ASYNC size_t health_ask(struct health_board *board, struct arena *arena, int64_t timeout_ms,
                              struct health_row **ret_rows);

/* "ok", "warning", "failed" */
const char *health_state_name(enum aisha_health_state state);

/* GET /readyz: all of them as JSON, 503 when one has failed. */
AISHA_ASYNC void health_handle(struct http_exchange *exchange, struct bot *bot);
