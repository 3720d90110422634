/*
 * Memory of the unit of work. What is allocated here, and all that the SDK returns, lives until the
 * handler returns; there is nothing to free. Allocation never returns NULL: a handler that wants more
 * than its unit may have ([limits] memory_mb) ends there, as failed, without returning; only memory of
 * the unit and what was given to aisha_defer() is then cleaned up.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;

AISHA_PUBLIC void *aisha_alloc(struct aisha_ctx *ctx, size_t size_bytes); /* zeroed */
AISHA_PUBLIC char *aisha_strdup(struct aisha_ctx *ctx, const char *text);
AISHA_PUBLIC char *aisha_printf(struct aisha_ctx *ctx, const char *format, ...) AISHA_PRINTF(2, 3);

/* Calls fn(data) when the handler has returned, the newest first: for objects of foreign libraries. */
AISHA_PUBLIC void aisha_defer(struct aisha_ctx *ctx, void (*fn)(void *data), void *data);

/* The text for a URL: what is not a letter, a digit or one of - . _ ~ as %XX. */
AISHA_PUBLIC char *aisha_url_escape(struct aisha_ctx *ctx, const char *text);

/*
 * HTML for a message. The format is trusted markup; whatever a conversion such as %s or %d inserts
 * is escaped. Markup that was made before is joined with aisha_concat(), never inserted.
 */
AISHA_PUBLIC char *aisha_html(struct aisha_ctx *ctx, const char *format, ...) AISHA_PRINTF(2, 3);

/* The texts one after the other, up to a NULL. */
AISHA_PUBLIC char *aisha_concat(struct aisha_ctx *ctx, const char *first, ...)
    __attribute__((sentinel));

/* A path for a new private file that is removed when the handler returns, or at the next start. */
AISHA_PUBLIC const char *aisha_temp_path(struct aisha_ctx *ctx, const char *suffix);
