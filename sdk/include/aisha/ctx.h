/*
 * The unit of work: one update being handled. Every SDK function takes it; it is never kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct aisha_keyboard;

/* Says why, for the log, and returns code: `return aisha_fail(ctx, -AISHA_E_UPSTREAM, "…", …);`. */
AISHA_PUBLIC int aisha_fail(struct aisha_ctx *ctx, int code, const char *format, ...)
    AISHA_PRINTF(3, 4);

/* Waits. -AISHA_E_CANCELED when the work was cancelled meanwhile. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_sleep(struct aisha_ctx *ctx, int64_t timeout_ms);

/* The user, a deadline or a shutdown has ended the work: every further AISHA_ASYNC call fails. */
AISHA_PUBLIC bool aisha_is_cancelled(struct aisha_ctx *ctx);

/* The time now, UTC, in seconds since 1970. */
AISHA_PUBLIC int64_t aisha_now(struct aisha_ctx *ctx);

/* A new random key for a row: a version 7 UUID as text, so that keys made later sort later. */
AISHA_PUBLIC const char *aisha_uuid(struct aisha_ctx *ctx);

/* A UUID in 16 bytes, for the payload of a button, and as text again. -AISHA_E_INVALID for a text that
 * is none. */
struct aisha_uuid {
    uint8_t bytes[16];
};

AISHA_PUBLIC AISHA_CHECKED int aisha_uuid_pack(const char *text, struct aisha_uuid *ret);
AISHA_PUBLIC const char *aisha_uuid_text(struct aisha_ctx *ctx, const struct aisha_uuid *uuid);

/*
 * How urgent is what this handler sends from now on. Where Telegram's limits make messages wait,
 * answers go before notifications, and those before broadcasts. A handler starts with answers when
 * an update called it, else with notifications.
 */
enum aisha_priority {
    AISHA_INTERACTIVE,
    AISHA_NOTIFICATION,
    AISHA_BROADCAST,
};

AISHA_PUBLIC void aisha_set_priority(struct aisha_ctx *ctx, enum aisha_priority priority);

/* ---- what all enabled plugins offer, for menus and help ---- */

struct aisha_command_view {
    size_t size;
    const char *name;
    const char *summary; /* in the user's language */
};

/* The listed commands of this chat and person in the order of the configuration; returns their
 * number. */
AISHA_PUBLIC size_t aisha_commands(struct aisha_ctx *ctx,
                                   const struct aisha_command_view **ret_commands);

/* Adds the buttons of all `.menu` rows, two in a row. */
AISHA_PUBLIC void aisha_menu_buttons(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard);

/* ---- calling another plugin; used by the functions in aisha/service/ ---- */

struct aisha_service_call {
    const void *functions;
    const void *caller;
};

/* Finds who provides the service in that version and makes it the plugin whose configuration and
 * catalogue ctx refers to. -AISHA_E_NOT_FOUND when nobody does. */
AISHA_PUBLIC AISHA_CHECKED int aisha_service_enter(struct aisha_ctx *ctx, const char *name,
                                                   int version, struct aisha_service_call *ret);
AISHA_PUBLIC void aisha_service_leave(struct aisha_ctx *ctx, const struct aisha_service_call *call);
