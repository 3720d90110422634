/*
 * Formats into one buffer and writes it with one call, so that lines of threads do not mix.
 * The two settings are written once before any thread is started.
 */
#include "host/core/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/redact.h"

enum { LINE_MAX_BYTES = 2048 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    enum aisha_log_level level;
    bool is_json;
} settings = {.level = AISHA_LOG_INFO};

int log_setup(const char *level, const char *format)
{
    size_t i = 0;

    while (i < sizeof level_names / sizeof *level_names && strcmp(level, level_names[i]) != 0)
        i++;
    if (i == sizeof level_names / sizeof *level_names)
        return -AISHA_E_INVALID;
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return -AISHA_E_INVALID;
    settings.level = (enum aisha_log_level)i;
    settings.is_json = strcmp(format, "json") == 0;
    return 0;
}

bool log_wants(enum aisha_log_level level)
{
    return level >= settings.level;
}

static void format_time(char *text, size_t size)
{
    struct timespec now;
    struct tm utc;
    char day[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, size, "%s.%03ldZ", day, now.tv_nsec / 1000000);
}

/* Takes away the beginning of a UTF-8 character whose end was cut off; what is broken otherwise stays as
 * it is. Returns the length that is left. */
static size_t drop_half_character(char *text, size_t size)
{
    size_t at = size;

    while (at > 0 && size - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    unsigned char first = at > 0 ? (unsigned char)text[at - 1] : 0;
    size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (size - at + 1 < wanted)
        size = at - 1;
    text[size] = '\0';
    return size;
}

/* Appends text as the inside of a JSON string; stops before the buffer is full. */
static size_t append_json(char *line, size_t used, size_t size, const char *text)
{
    for (; *text && used + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            line[used++] = '\\';
            line[used++] = (char)c;
        } else if (c < 0x20) {
            used += (size_t)snprintf(line + used, size - used, "\\u%04x", c);
        } else {
            line[used++] = (char)c;
        }
    }
    return drop_half_character(line, used);
}

void log_line(enum aisha_log_level level, const char *scope, const char *format, ...)
{
    char message[LINE_MAX_BYTES], line[2 * LINE_MAX_BYTES], when[48];
    va_list args;
    size_t used;

    if (!log_wants(level))
        return;
    va_start(args, format);
    int length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (length >= (int)sizeof message)
        redact_cut(message);
    else
        redact(message);
    drop_half_character(message, strlen(message)); /* of ours, or of a "%.100s" */
    format_time(when, sizeof when);
    if (settings.is_json) {
        used = (size_t)snprintf(line, sizeof line,
                                "{\"time\":\"%s\",\"level\":\"%s\",\"scope\":\"%s\",\"message\":\"",
                                when, level_names[level], scope);
        used = append_json(line, used, sizeof line - 4, message);
        used += (size_t)snprintf(line + used, sizeof line - used, "\"}\n");
    } else {
        for (char *c = message; *c; c++)
            *c = (unsigned char)*c < 0x20 ? ' ' : *c;
        used = (size_t)snprintf(line, sizeof line, "%s %-5s %s: %s\n", when, level_names[level],
                                scope, message);
    }
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* nowhere left to say it */
}
