/*
 * One line per event on stderr: `time level scope key=value message`, or JSON.
 * error: a person must act; warn: degraded but handled; info: lifecycle; debug: anything.
 * Never a phone number or message text; tokens, passwords and keys are taken out: see redact.h.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>
#include <aisha/log.h>

/* level is "debug" … "error", format "text" or "json"; -AISHA_E_INVALID for anything else.
 * Called once, before threads exist. */
AISHA_CHECKED int log_setup(const char *level, const char *format);

bool log_wants(enum aisha_log_level level);

/* scope is the part of the host or the plugin that speaks. Text is cut at 2 KiB, between
 * characters, and control characters are replaced. Safe from any thread. */
void log_line(enum aisha_log_level level, const char *scope, const char *format, ...)
    AISHA_PRINTF(3, 4);

#define log_debug(scope, ...) log_line(AISHA_LOG_DEBUG, scope, __VA_ARGS__)
#define log_info(scope, ...) log_line(AISHA_LOG_INFO, scope, __VA_ARGS__)
#define log_warn(scope, ...) log_line(AISHA_LOG_WARN, scope, __VA_ARGS__)
#define log_error(scope, ...) log_line(AISHA_LOG_ERROR, scope, __VA_ARGS__)
