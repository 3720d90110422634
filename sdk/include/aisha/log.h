/*
 * Log lines of a plugin. The host adds the time, the plugin's name and the update.
 * error: a person must act; warn: degraded but handled; info: lifecycle; debug: anything.
 * Lower case, no final period; never a token, a key, a phone number or the text of a message.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

enum aisha_log_level {
    AISHA_LOG_DEBUG,
    AISHA_LOG_INFO,
    AISHA_LOG_WARN,
    AISHA_LOG_ERROR,
};

AISHA_PUBLIC void aisha_log(struct aisha_ctx *ctx, enum aisha_log_level level, const char *format,
                            ...) AISHA_PRINTF(3, 4);
