/*
 * The unit of work from the inside: one update, from its delivery by the inbox until its effects
 * are committed. Plugins see it as an opaque struct aisha_ctx.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>
#include <aisha/plugin.h>
#include <aisha/update.h>

#include "host/bot/button.h"
#include "host/bot/lanes.h"
#include "host/core/arena.h"
#include "host/store/dialog.h"
#include "host/store/inbox.h"
#include "host/store/users.h"
#include "host/telegram/client.h"

struct bot;
struct db_tx;
struct event;
struct http_exchange;
struct plugin;
struct task;

enum ctx_cancel {
    CTX_NOT_CANCELLED,
    CTX_CANCELLED_BY_USER,
    CTX_CANCELLED_BY_DEADLINE,
};

enum ctx_dialog_change {
    CTX_DIALOG_KEEP,
    CTX_DIALOG_SET,
    CTX_DIALOG_CLEAR,
};

struct aisha_ctx {
    struct bot *bot;
    struct lane_entry lane; /* waiting or running there */
    struct inbox_item item;
    struct arena arena; /* cleared when the unit has ended, or before it is tried again */
    struct task *task;  /* while its handler runs */
    enum ctx_cancel cancel;
    bool has_cancelled;         /* this update made a running handler stop */
    struct event *answer_timer; /* of a callback query nobody has answered yet */
    bool is_answered;
    int tries;
    struct http_exchange *exchange; /* the origin is a request, not an update */

    /* what arrived; set by ctx_read() */
    const struct aisha_update *update;
    const char *kind; /* field of Update */
    const struct aisha_message *message;
    const struct aisha_user *from;
    int64_t chat_id, thread_id;
    bool is_private;
    struct user user; /* .id NULL when there is no person */
    const char *locale;

    /* who handles it; set by the router */
    const struct plugin *plugin;
    enum outbound_priority priority; /* of what it sends */
    const char *handler;             /* for the log: "/start", "callback buy" */
    const char *args;                /* of a command, else NULL */
    struct button button;
    size_t payload_size;
    struct dialog dialog; /* what was asked, for a state's handler */

    /* what the handler has done */
    struct db_tx *tx;
    bool is_committed; /* "done" is in the database */
    bool has_store_failed;
    enum ctx_dialog_change dialog_change;
    struct dialog next_dialog;
    int64_t screen_id; /* message of aisha_screen(); 0 = none */
    bool is_screen_media;
    bool has_replied;
    char *failure_text; /* from aisha_fail() */
    struct telegram_failure telegram_failure;
    struct aisha_telegram_failure public_failure;
    struct aisha_command_view *command_views;
};

/* Fills the first block of what arrived from the update. -AISHA_E_INVALID when it makes no sense. */
AISHA_CHECKED int ctx_read(struct aisha_ctx *ctx);

/* Forgets everything that belongs to one attempt. Temporary files are removed. */
void ctx_reset(struct aisha_ctx *ctx);

/* Where and whose: key of the dialogue. */
struct dialog_key ctx_dialog_key(const struct aisha_ctx *ctx);

/* Texts in the user's language: the plugin's catalogue first, then the host's. Never NULL. */
struct aisha_arg;
const char *ctx_html(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args);
const char *ctx_plain(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args);

/* A text of a plugin's table: itself, or with "@" in front its translation; plain. */
const char *bot_table_text(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                           const char *locale, const char *text);

/*
 * Commits what the unit still has to: the change of the dialogue, and that the update is done.
 * A unit without such a change is done with some later commit.
 */
AISHA_ASYNC AISHA_CHECKED int ctx_commit(struct aisha_ctx *ctx);

/* The button that asks for cancellation; handled before any lane. */
uint32_t ctx_cancel_route(void);

struct button_place ctx_button_place(const struct aisha_ctx *ctx);
