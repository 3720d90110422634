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

#include "host/bot/album.h"
#include "host/bot/button.h"
#include "host/bot/lanes.h"
#include "host/bot/update_kind.h"
#include "host/core/arena.h"
#include "host/store/dialog.h"
#include "host/store/inbox.h"
#include "host/store/users.h"
#include "host/telegram/client.h"

struct bot;
struct chat_action;
struct db_tx;
struct event;
struct http_exchange;
struct job_unit;
struct plugin;
struct progress;
struct reading;
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

enum { CTX_MAX_RIDERS = 3 };

struct aisha_ctx {
    struct bot *bot;
    struct lane_entry lane; /* waiting or running there */
    struct inbox_item item; /* of an album: the first that came */
    struct album *album;    /* the items it was made of, or NULL */
    struct arena arena;     /* cleared when the unit has ended, or before it is tried again */
    struct task *task;      /* while its handler runs */
    TAILQ_ENTRY(aisha_ctx) running_link;
    int64_t running_since_ms; /* 0 = it is not in the list of those that run */
    bool is_told_slow;
    enum ctx_cancel cancel;
    bool has_cancelled;         /* this update made a running handler stop */
    struct event *answer_timer; /* of a callback query nobody has answered yet */
    bool is_answered;
    bool is_answered_late; /* by the host, because it took too long */
    bool is_expired;       /* it was dropped for being too late */
    int tries;
    struct http_exchange *exchange; /* the origin is a request, not an update */
    const struct aisha_webhook *webhook;
    size_t body_read;                   /* of a streamed one */
    struct job_unit *job;               /* the origin is a job */
    struct aisha_health_report *health; /* the origin is a question how things are */
    struct reading *reading;            /* the origin is a question for figures */
    bool is_in_handler;

    /* what arrived; set by ctx_read() */
    const struct aisha_update *update;
    const struct update_kind *kind;
    const struct aisha_message *message;
    const struct aisha_message *const *messages; /* the same, or all of an album; NULL at the end */
    size_t message_count;
    const struct aisha_user *from;
    int64_t chat_id, thread_id, direct_topic_id;
    const char *business_connection_id;
    int64_t quote_id; /* the message that an answer may quote; 0 = none */
    bool is_private;
    struct user user;    /* .id NULL when there is no person */
    int64_t notified_id; /* while aisha_notify() sends: to whom; else 0 */
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
    bool has_job_news; /* the next commit brings work for the job runner */
    enum ctx_dialog_change dialog_change;
    struct dialog next_dialog;
    struct ctx_sent_change *sent_change; /* of the dialogue, under way to the database; or NULL */
    struct aisha_statement riders[CTX_MAX_RIDERS]; /* of the host, to go with the first write */
    size_t rider_count;
    int64_t screen_id; /* message of aisha_screen(); 0 = none */
    bool is_screen_media;
    bool must_split;                 /* an album whose items have to be handled one by one */
    struct progress *progress;       /* of aisha_progress(), or NULL */
    struct chat_action *chat_action; /* of aisha_chat_action(), or NULL */
    bool has_replied, has_called;    /* to the chat; anything of the Bot API */
    int64_t sent_count;              /* messages of the handler */
    char *failure_text;              /* from aisha_fail() */
    struct telegram_failure telegram_failure;
    struct aisha_telegram_failure public_failure;
    struct aisha_command_view *command_views;
};

/* Fills the first block of what arrived from the update. -AISHA_E_INVALID when it makes no sense. */
AISHA_CHECKED int ctx_read(struct aisha_ctx *ctx);

/* Parameters of a call that sends: to where the update came from. */
#define CTX_PLACE(ctx)                                                                             \
    .chat_id = (ctx)->chat_id, .message_thread_id = (ctx)->thread_id,                              \
    .direct_messages_topic_id = (ctx)->direct_topic_id,                                            \
    .business_connection_id = (ctx)->business_connection_id

/* Of a pressed button under a message that somebody sent by way of us, in a chat we do not know. */
const char *ctx_inline_message_id(const struct aisha_ctx *ctx);

/* Forgets everything that belongs to one attempt. Temporary files are removed. */
void ctx_reset(struct aisha_ctx *ctx);

/* Where and whose: key of the dialogue. */
struct dialog_key ctx_dialog_key(const struct aisha_ctx *ctx);

/* Texts in the user's language: the plugin's catalogue first, then the host's. Never NULL. */
struct aisha_arg;
const char *ctx_html(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args);
const char *ctx_plain(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args);

/* The same without arguments, of a certain plugin. */
const char *ctx_plain_of(struct aisha_ctx *ctx, const struct plugin *plugin, const char *key);

/* Whether a command or a menu entry is there, in this chat and for this person. */
bool ctx_is_in_scope(const struct aisha_ctx *ctx, enum aisha_scope scope);

/* A text of a plugin's table: itself, or with "@" in front its translation; plain. */
const char *bot_table_text(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                           const char *locale, const char *text);

/*
 * The statements with what the unit's next write has to bring along. Before them: that the update is
 * done, or all of an album, the change of the dialogue, the riders, or that a job is still ours.
 * Behind them: the end of a job. .before is how many come first. Once all have taken effect, tell
 * ctx_own_statements_took_effect().
 */
struct ctx_write {
    struct aisha_statement *statements; /* in the arena of ctx */
    size_t count, before;
};

struct ctx_write ctx_write(struct aisha_ctx *ctx, const struct aisha_statement *statements,
                           size_t count);
void ctx_own_statements_took_effect(struct aisha_ctx *ctx);

/* Commits what the unit still has to, if there is a change of the dialogue or a rider. A unit
 * without one is done with some later commit. */
AISHA_ASYNC AISHA_CHECKED int ctx_commit(struct aisha_ctx *ctx);

/* The button that asks for cancellation; handled before any lane. */
uint32_t ctx_cancel_route(void);

struct button_place ctx_button_place(const struct aisha_ctx *ctx);
