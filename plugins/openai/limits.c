/*
 * The server tells with each answer how many requests and tokens it will still take, and when it
 * will take all of them again. Whoever would be refused waits instead. It is a guess (others use the
 * same account, answers overtake each other): what it gets wrong ends in a 429, which is tried again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openai.h"

enum { MAX_NAME = 128, KEPT_S = 600 };

struct limit {
    int64_t left; /* -1 = not told */
    int64_t full;
    int64_t at_ms; /* when it is full again */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t limits_duration_ms(const char *text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};

    double total_ms = 0;

    if (!*text)
        return -1;
    while (*text) {
        char *end;
        double number = strtod(text, &end);
        size_t length = strcspn(end, "0123456789."), i = 0;
        while (i < sizeof units / sizeof *units &&
               (strlen(units[i].name) != length || memcmp(units[i].name, end, length) != 0))
            i++;
        if (end == text || !(number >= 0) || i == sizeof units / sizeof *units)
            return -1;
        total_ms += number * units[i].ms;
        text = end + length;
    }
    return total_ms < 30 * 86400e3 ? (int64_t)(total_ms + 0.999) : -1;
}

static int64_t number_of(const char *text)
{
    char *end;

    if (!text)
        return -1;
    long long number = strtoll(text, &end, 10);
    return end == text || *end || number < 0 ? -1 : number;
}

static struct limit read_limit(struct aisha_ctx *ctx, const struct aisha_http_response *answer,
                               const char *of)
{
    const char *prefix = "x-ratelimit-";
    const char *reset = aisha_http_header(answer, aisha_concat(ctx, prefix, "reset-", of, NULL));
    int64_t duration_ms = reset ? limits_duration_ms(reset) : -1;
    struct limit limit = {
        .left =
            number_of(aisha_http_header(answer, aisha_concat(ctx, prefix, "remaining-", of, NULL))),
        .full = number_of(aisha_http_header(answer, aisha_concat(ctx, prefix, "limit-", of, NULL))),
        .at_ms = now_ms() + duration_ms,
    };

    if (duration_ms < 0)
        limit.left = -1;
    return limit;
}

static const char *key_of(struct aisha_ctx *ctx, const char *model)
{
    return aisha_printf(ctx, "limits/%.*s", MAX_NAME, model);
}

static AISHA_ASYNC int save(struct aisha_ctx *ctx, const char *model, const struct limit limits[2])
{
    return aisha_cache_set(ctx, key_of(ctx, model), limits, 2 * sizeof *limits, KEPT_S);
}

int limits_note(struct aisha_ctx *ctx, const char *model, const struct aisha_http_response *answer)
{
    const struct limit limits[2] = {read_limit(ctx, answer, "requests"),
                                    read_limit(ctx, answer, "tokens")};

    return limits[0].left < 0 && limits[1].left < 0 ? 0 : save(ctx, model, limits);
}

/* How long until so many are taken; counts them when they are taken now. What is missing comes back
 * steadily, as far as one can see. */
static int64_t take(struct limit *limit, int64_t count)
{
    int64_t full_ms = limit->at_ms - now_ms(), missing = count - limit->left;

    if (limit->left < 0 || full_ms <= 0)
        return 0;
    if (missing <= 0) {
        limit->left -= count;
        return 0;
    }
    if (limit->full < count || limit->full <= limit->left)
        return full_ms;
    return (int64_t)((double)full_ms * (double)missing / (double)(limit->full - limit->left)) + 1;
}

int limits_wait(struct aisha_ctx *ctx, const char *model, int64_t tokens, int64_t max_ms)
{
    struct limit limits[2];
    const void *bytes;
    size_t size;

    int r = aisha_cache_get(ctx, key_of(ctx, model), &bytes, &size);
    if (r != 0 || size != sizeof limits)
        return r < 0 ? r : 0;
    memcpy(limits, bytes, sizeof limits);
    int64_t request_ms = take(&limits[0], 1), token_ms = take(&limits[1], tokens);
    int64_t wait_ms = request_ms > token_ms ? request_ms : token_ms;
    if (wait_ms == 0)
        return save(ctx, model, limits);
    if (wait_ms <= max_ms)
        return aisha_sleep(ctx, wait_ms);
    aisha_log(ctx, AISHA_LOG_WARN, "%s takes nothing for another %" PRId64 " s", model,
              wait_ms / 1000);
    return -AISHA_E_UNAVAILABLE;
}
