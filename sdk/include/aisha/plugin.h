/*
 * What a plugin is: one exported descriptor with tables. Everything the host knows about a plugin
 * (routing, help, the command list of the chat, checks of the configuration) comes from here.
 *
 *     static const struct aisha_command commands[] = {
 *         {.name = "hello", .summary = "Say hello", .run = cmd_hello},
 *     };
 *
 *     AISHA_PLUGIN(.name = "hello", .version = "1.0", .commands = AISHA_TABLE(commands))
 *
 * Tables carry the size of their rows and the descriptor carries its own, so that both may grow at
 * the end without breaking plugins that were built earlier. Zero and NULL mean "not given".
 *
 * Text that users see is plain or, starting with "@", a key of the plugin's catalogues (i18n.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/bot_api.h>
#include <aisha/health.h>
#include <aisha/helper.h>
#include <aisha/job_table.h>
#include <aisha/metrics.h>

/* Changes only when an existing field or function changes its meaning. */
#define AISHA_ABI 1

struct aisha_ctx;

/*
 * A handler runs as a coroutine: it may call everything marked AISHA_ASYNC as if it blocked. All
 * handlers share one thread and each has 256 KiB of stack: one that computes for long or blocks
 * otherwise stops everybody, one that crashes ends the host. After a crash, or when the database
 * was away, an update is handled again unless its handler has written: write before you act outside.
 *
 * Returns 0, or a negative code: the host then logs it once and apologises to the user. A handler of
 * a message, a state or an update may return AISHA_PASS: "not for me", and the next one is asked.
 */
typedef int aisha_handler(struct aisha_ctx *ctx);

enum { AISHA_PASS = 1 };

/* Where a command or a menu entry is there: elsewhere it is neither listed nor known. */
enum aisha_scope {
    AISHA_SCOPE_EVERYWHERE = 0,
    AISHA_SCOPE_PRIVATE, /* in private chats */
    AISHA_SCOPE_GROUPS,  /* in groups */
    AISHA_SCOPE_ADMINS,  /* in the private chats of the bot's operators, ADMIN_IDS */
};

struct aisha_command {
    const char *name;    /* 1-32 of a-z 0-9 _, without the slash; unique among all plugins */
    const char *summary; /* for /help and the command list of the chat */
    aisha_handler *run;
    bool is_hidden; /* works, but is not listed */
    /* A link to the bot runs it too: what comes behind t.me/BOT?start=NAME- are its arguments; see
     * aisha_deep_link(). Anybody can make such links. */
    bool is_linked;
    enum aisha_scope scope;
};

/* What happens when a button with .callback = name is pressed. */
struct aisha_callback {
    const char *name; /* unique within the plugin */
    aisha_handler *run;
    /* Raise it when the payload's struct changes: old buttons are then answered with "outdated"
     * instead of being misread. */
    int version;
    size_t payload_size; /* sizeof the payload's struct, at most AISHA_PAYLOAD_MAX */
    bool is_for_anyone;  /* in a group: not only for whom the button was made */
    /* A row of .states: the button answers that question. aisha_state_data() has its data, and it
     * ends as with a typed answer; when another or none is pending, the button is outdated. */
    const char *state;
};

enum { AISHA_PAYLOAD_MAX = 35 };

/* What happens with the answer to an aisha_ask() that names this state. */
struct aisha_state {
    const char *name; /* unique within the plugin */
    aisha_handler *run;
    size_t data_size; /* sizeof the struct given as .data, at most 1 KiB */
    /* Of Message, what an answer has to carry: "text", "photo", …; NULL = any. Other messages are no
     * answers: unless a row of .messages takes one, the host says, in private, what it waits for. */
    const char *field;
    bool takes_albums; /* as in struct aisha_message_route */
};

/*
 * Messages that are neither a command nor an answer, by the field of the Bot API's Message that
 * they carry: "text", "voice", "photo", "document", … Plugins are asked in the order of the
 * configuration.
 *
 * Photos and files that were sent together are a message each. A row that takes albums is asked
 * once for all of them, when one has the field; aisha_album() has them. Until nothing more has come
 * for a second the chat's later messages wait. What comes later still is a second album with the
 * same media_group_id. A row that does not take albums gets its items one by one.
 */
struct aisha_message_route {
    const char *field;
    aisha_handler *run;
    bool takes_albums;
};

/*
 * Any other kind of update, by the field of the Bot API's Update: "my_chat_member", "inline_query",
 * "business_message", "poll", … What no plugin has a row for is not even sent by Telegram.
 *
 * One that asks ("inline_query", "shipping_query", "pre_checkout_query") is worth nothing later: when
 * nobody waits for the answer any more it is dropped, and its handler is ended shortly before. The
 * host refuses a payment whose handler has failed, or has not answered by then.
 */
struct aisha_update_route {
    const char *field;
    aisha_handler *run;
};

/* A path of the host's HTTP server: /hooks/PLUGIN/NAME; see webhook.h. */
struct aisha_webhook {
    const char *name; /* unique within the plugin */
    aisha_handler *run;
    const char *token; /* an option with the bearer token that callers send; NULL = anyone calls */
    size_t max_body_bytes; /* 413 above; 0 = 1 MiB */
    /* The handler reads the body as it comes, by aisha_request_read(): for what is too large for
     * memory. max_body_bytes may then be up to 1 GiB. */
    bool is_streamed;
};

/* A button of the main menu. */
struct aisha_menu_entry {
    const char *text;
    const char *callback; /* of the same plugin, with payload all zero */
    int order;            /* smaller is earlier; equal ones in the order of the configuration */
    enum aisha_scope scope;
};

/* A step in the life of the plugin's tables (db.h); never edited once it was applied anywhere. */
struct aisha_migration {
    int version; /* 1, 2, 3, … without gaps */
    const char *name;
    const char *sql; /* statements for both databases, or else one for each: */
    const char *sqlite;
    const char *postgres;
};

enum aisha_option_type {
    AISHA_OPTION_TEXT = 1, /* const char * */
    AISHA_OPTION_INT,      /* int64_t */
    AISHA_OPTION_BOOL,     /* bool: true/false, yes/no, on/off, 1/0 */
};

/* A key of the plugin's section in plugins.ini, stored into the plugin's configuration struct. */
struct aisha_option {
    const char *name;
    enum aisha_option_type type;
    size_t offset;     /* of the member */
    const char *value; /* default, written as in the INI, within min and max; NULL = required */
    const char *summary;
    int64_t min, max; /* of an int, when max > min; of a text's length in bytes, when max > 0 */
    bool is_secret;   /* never shown */
};

/*
 * A row of .options with name, type and offset of the struct's member:
 *     AISHA_OPTION(struct config, max_mb, .value = "20", .min = 1, .max = 50, .summary = "…"),
 */
/* clang-format off */
#define AISHA_OPTION(config, member, ...)                                                          \
    {                                                                                              \
        .name = #member,                                                                           \
        .type = _Generic(((config *)0)->member,                                                    \
            const char *: AISHA_OPTION_TEXT, int64_t: AISHA_OPTION_INT, bool: AISHA_OPTION_BOOL),  \
        .offset = offsetof(config, member),                                                        \
        __VA_ARGS__                                                                                \
    }

/* clang-format on */

/* Another plugin, or a service that some plugin provides. */
struct aisha_requirement {
    const char *name;
    bool is_optional;
};

/* An interface offered to other plugins; see aisha/service/. */
struct aisha_service {
    const char *name;
    int version;
    const void *functions; /* the struct that the service's header describes */
};

struct aisha_helper_row {
    const char *name;
    aisha_helper_fn *run;
    const char *object; /* instead of run: see helper.h */
};

#define AISHA_TABLE_OF(row_type)                                                                   \
    struct {                                                                                       \
        const row_type *rows;                                                                      \
        size_t count;                                                                              \
        size_t row_size;                                                                           \
    }

struct aisha_plugin {
    uint32_t abi; /* first, forever */
    uint32_t bot_api_revision;
    size_t size;
    const char *name; /* 1-16 of a-z 0-9 _; the section in plugins.ini and the file NAME.so */
    const char *version;
    const char *summary;
    size_t config_size; /* sizeof the struct that .options fill */
    AISHA_TABLE_OF(struct aisha_command) commands;
    AISHA_TABLE_OF(struct aisha_callback) callbacks;
    AISHA_TABLE_OF(struct aisha_state) states;
    AISHA_TABLE_OF(struct aisha_message_route) messages;
    AISHA_TABLE_OF(struct aisha_update_route) updates;
    AISHA_TABLE_OF(struct aisha_menu_entry) menu;
    AISHA_TABLE_OF(struct aisha_migration) migrations;
    AISHA_TABLE_OF(struct aisha_option) options;
    AISHA_TABLE_OF(struct aisha_requirement) requires;
    AISHA_TABLE_OF(struct aisha_service) provides;
    AISHA_TABLE_OF(struct aisha_helper_row) helpers;
    AISHA_TABLE_OF(struct aisha_webhook) webhooks;
    AISHA_TABLE_OF(struct aisha_job_kind) jobs;
    AISHA_TABLE_OF(struct aisha_schedule) schedules;
    AISHA_TABLE_OF(struct aisha_health_check) health;
    AISHA_TABLE_OF(struct aisha_job_ending) job_endings;
    AISHA_TABLE_OF(struct aisha_metric_row) metrics;
};

#define AISHA_TABLE(array)                                                                         \
    {                                                                                              \
        .rows = (array), .count = sizeof(array) / sizeof *(array), .row_size = sizeof *(array)     \
    }

/* The one symbol a plugin exports. */
#define AISHA_PLUGIN(...)                                                                          \
    AISHA_PUBLIC extern const struct aisha_plugin aisha_plugin;                                    \
    const struct aisha_plugin aisha_plugin = {.abi = AISHA_ABI,                                    \
                                              .bot_api_revision = AISHA_BOT_API_REVISION,          \
                                              .size = sizeof(struct aisha_plugin),                 \
                                              __VA_ARGS__};

/* The plugin's configuration struct, filled from its section; NULL without .config_size. */
AISHA_PUBLIC const void *aisha_config(struct aisha_ctx *ctx);
