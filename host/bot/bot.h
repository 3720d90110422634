/*
 * The bot that runs: what the units of work share. Made by bot_run() in the order of its members
 * and taken down in reverse.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

#include "host/bot/config.h"
#include "host/bot/registry.h"
#include "host/bot/update_kind.h"
#include "host/core/arena.h"
#include "host/store/secrets.h"

struct aisha_ctx;
struct albums;
struct black_box;
struct blob_store;
struct cache;
struct catalogue;
struct db;
struct dialog_copies;
struct health_board;
struct helper_pool;
struct http_client;
struct http_server;
struct inbox;
struct inbox_gate;
struct job_runner;
struct lanes;
struct outbound_share;
struct loop;
struct poller;
struct readings;
struct telegram;
struct user_copies;
struct wait;
struct workers;

/* How a unit of work ended. */
enum unit_outcome {
    UNIT_OK,
    UNIT_FAILED,
    UNIT_TIMEOUT,
    UNIT_CANCELLED, /* by whom it was for */
    UNIT_BLOCKED,   /* they have blocked the bot */
    UNIT_EXPIRED,   /* it was dropped, since nobody takes the answer any more */
    UNIT_OUTCOMES,
};

/* Since the start. */
struct update_counts {
    uint64_t received, ended[UNIT_OUTCOMES];
};

struct bot {
    struct arena arena; /* what lives as long as the bot */
    const struct config *config;
    const struct registry *registry;
    const struct catalogue *texts; /* the host's own */
    const char *program;           /* path of this executable, for helper processes */
    const char *temp_directory;
    struct loop *loop;
    struct workers *workers;
    struct http_client *http;
    struct db *db;
    struct blob_store *blobs;
    struct cache *cache;
    struct dialog_copies *dialogs;
    struct user_copies *users;
    struct outbound_share *outbound_share; /* NULL when no other host can know */
    /* why it could not be opened, for `aisha check` */
    const char *database_error, *blobs_error, *cache_error;
    bool is_database_new; /* the same: the file is not there yet */
    struct health_board *health;
    struct readings *readings; /* for /metrics */
    struct telegram *telegram;
    struct helper_pool *helpers;
    struct lanes *lanes;
    struct albums *albums; /* NULL when no plugin takes albums */
    struct inbox *inbox;
    struct job_runner *jobs;
    struct http_server *server;
    struct poller *poller;   /* in polling mode */
    struct inbox_gate *gate; /* in webhook mode */

    struct {
        const char *path; /* "/telegram/…" */
        const char *secret;
    } webhook;

    LIST_HEAD(, incoming_press) presses; /* whose deliveries are not answered yet */

    TAILQ_HEAD(, aisha_ctx) running;
    struct update_counts updates[UPDATE_KINDS_MAX + 1]; /* by kind; behind the known ones: others */

    struct secret button_key, files_key;
    double started_at;           /* seconds since 1970 */
    int64_t id;                  /* of the bot, from getMe */
    const char *username;        /* the same, without @ */
    struct wait *idle;           /* somebody waits for the last unit to end */
    struct wait *room;           /* the poller waits for fewer units */
    bool is_stopping;            /* somebody asked for the end */
    int result;                  /* of bot_run() */
    struct black_box *black_box; /* see black_box.h; NULL = none */
    const char *black_box_path;
    uint64_t temp_count; /* for names of temporary files */
    size_t late_answers; /* tasks that send one */
};

/* Telegram refuses the token: the end. */
void bot_refused(struct bot *bot, const char *why);

/* Opens the cache; ret_error says what is wrong with REDIS_URL. */
AISHA_CHECKED int bot_open_cache(struct bot *bot, const char **ret_error);

/* A new name for a temporary file, which is removed with the arena if it is made. suffix may be "". */
const char *bot_temp_path(struct bot *bot, struct arena *arena, const char *suffix);

/* Opens bot->blobs; else bot->blobs_error says why not. */
AISHA_CHECKED int bot_open_blobs(struct bot *bot);

/* Called when a unit has ended. */
void bot_unit_ended(struct bot *bot);

/* Everything that needs neither waiting nor the HTTP server; bot_done() also after a failure. */
AISHA_CHECKED int bot_init(struct bot *bot);
void bot_done(struct bot *bot);

/*
 * Runs until SIGINT or SIGTERM, or until Telegram refuses the token. Returns 0 after an orderly end,
 * a negative code after one that needs an operator (already logged).
 */
AISHA_CHECKED int bot_run(const struct config *config, const struct registry *registry,
                          const struct catalogue *texts, const char *program);
