#include "host/bot/cron.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <aisha/error.h>

enum { FIELDS = 5, MINUTE_S = 60, DAY_S = 24 * 3600, MOST_DAYS = 8 * 366 }; /* 29 February */

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

struct field {
    uint64_t bits; /* which numbers fit */
    bool is_any;
};

static const struct {
    int least, most;
} ranges[FIELDS] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};

static bool read_number(const char **text, long *ret)
{
    char *end;

    if (!isdigit((unsigned char)**text))
        return false;
    *ret = strtol(*text, &end, 10);
    *text = end;
    return *ret <= 59;
}

/* One of a list: 5, 1-5, a star, each perhaps with a step. */
static bool read_part(const char **text, int least, int most, uint64_t *bits)
{
    long from = least, to = most, step = 1;

    if (**text == '*') {
        ++*text;
    } else {
        if (!read_number(text, &from))
            return false;
        to = from;
        if (**text == '-' && (++*text, !read_number(text, &to)))
            return false;
    }
    if (**text == '/' && (++*text, !read_number(text, &step)))
        return false;
    if (from < least || to > most || from > to || step < 1)
        return false;
    for (long i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return true;
}

static bool read_field(const char **text, int i, struct field *field)
{
    *field = (struct field){.is_any = **text == '*' && ((*text)[1] == ' ' || !(*text)[1])};
    while (read_part(text, ranges[i].least, ranges[i].most, &field->bits)) {
        if (**text != ',')
            return true;
        ++*text;
    }
    return false;
}

static bool read_all(const char *text, struct field fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        while (*text == ' ')
            text++;
        if (!read_field(&text, i, &fields[i]) || (*text && *text != ' '))
            return false;
    }
    while (*text == ' ')
        text++;
    if (fields[WEEKDAY].bits & UINT64_C(1) << 7)
        fields[WEEKDAY].bits |= 1;
    return !*text;
}

static bool fits(const struct field *field, int number)
{
    return field->bits >> number & 1;
}

static bool fits_day(const struct field fields[FIELDS], const struct tm *day)
{
    bool by_day = fits(&fields[DAY], day->tm_mday), by_week = fits(&fields[WEEKDAY], day->tm_wday);

    if (!fits(&fields[MONTH], day->tm_mon + 1))
        return false;
    if (fields[DAY].is_any || fields[WEEKDAY].is_any)
        return by_day && by_week;
    return by_day || by_week;
}

int cron_next(const char *text, int64_t after_s, int64_t *ret_s)
{
    struct field fields[FIELDS];
    int64_t first = (after_s / MINUTE_S + 1) * MINUTE_S;
    int64_t day_s = first - first % DAY_S;

    if (!read_all(text, fields))
        return -AISHA_E_INVALID;
    for (int days = 0; days < MOST_DAYS; days++, day_s += DAY_S) {
        time_t when = (time_t)day_s;
        struct tm day;
        if (!gmtime_r(&when, &day) || !fits_day(fields, &day))
            continue;
        for (int minute = 0; minute < 24 * 60; minute++) {
            int64_t s = day_s + (int64_t)minute * MINUTE_S;
            if (s < first || !fits(&fields[HOUR], minute / 60) ||
                !fits(&fields[MINUTE], minute % 60))
                continue;
            *ret_s = s;
            return 0;
        }
    }
    return -AISHA_E_INVALID;
}
