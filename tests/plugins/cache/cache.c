/*
 * cache: every call of cache.h, as commands. "/call get a", "/call set a value", …: the answer says what
 * was returned.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

/* Name, key and value, in ctx; what is missing is "". */
struct words {
    const char *call, *key, *value, *third;
};

static struct words read_words(struct aisha_ctx *ctx)
{
    char *rest = aisha_strdup(ctx, aisha_args(ctx));
    const char *found[4] = {"", "", "", ""};

    for (size_t i = 0; i < 4 && rest && *rest; i++)
        found[i] = strsep(&rest, " ");
    return (struct words){found[0], found[1], found[2], found[3]};
}

static int say(struct aisha_ctx *ctx, int r, const char *what)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%d %s", r, what));
}

static int say_number(struct aisha_ctx *ctx, int r, int64_t number)
{
    return say(ctx, r, aisha_printf(ctx, "%" PRId64, number));
}

static AISHA_ASYNC int call_get(struct aisha_ctx *ctx, const struct words *w)
{
    const void *bytes = "nothing";
    size_t size;

    int r = aisha_cache_get(ctx, w->key, &bytes, &size);
    return say(ctx, r, bytes);
}

static AISHA_ASYNC int call_set(struct aisha_ctx *ctx, const struct words *w)
{
    return say(ctx, aisha_cache_set(ctx, w->key, w->value, strlen(w->value), 60), "set");
}

static AISHA_ASYNC int call_delete(struct aisha_ctx *ctx, const struct words *w)
{
    return say(ctx, aisha_cache_delete(ctx, w->key), "deleted");
}

static AISHA_ASYNC int call_add(struct aisha_ctx *ctx, const struct words *w)
{
    int64_t value = 0;

    int r = aisha_cache_add(ctx, w->key, strtoll(w->value, NULL, 10), 0, &value);
    return say_number(ctx, r, value);
}

static AISHA_ASYNC int call_cas(struct aisha_ctx *ctx, const struct words *w)
{
    bool is_new = strcmp(w->value, "-") == 0;

    int r = aisha_cache_cas(ctx, w->key, is_new ? NULL : w->value, strlen(w->value), w->third,
                            strlen(w->third), 60);
    return say(ctx, r, "compared");
}

static AISHA_ASYNC int call_allow(struct aisha_ctx *ctx, const struct words *w)
{
    int64_t wait_ms = 0;

    int r = aisha_cache_allow(ctx, w->key, &wait_ms, .count = 2, .per_s = 3600);
    return say(ctx, r, wait_ms > 1000 ? "later" : "now");
}

static AISHA_ASYNC int call_wait(struct aisha_ctx *ctx, const struct words *w)
{
    int r = say(ctx, 0, "waiting");
    if (r == 0)
        r = aisha_cache_wait(ctx, w->key, strtoll(w->value, NULL, 10));
    return say(ctx, r, "woken");
}

static AISHA_ASYNC int call_wake(struct aisha_ctx *ctx, const struct words *w)
{
    return say(ctx, aisha_cache_wake(ctx, w->key), "called");
}

/* Not allowed: everybody else's writes would wait for Redis. */
static AISHA_ASYNC int call_in_transaction(struct aisha_ctx *ctx, const struct words *w)
{
    int r = aisha_db_begin(ctx);
    if (r < 0)
        return r;
    int refused = aisha_cache_delete(ctx, w->key);
    r = aisha_db_rollback(ctx);
    return r < 0 ? r : say(ctx, refused, "in a transaction");
}

static AISHA_ASYNC int cmd_call(struct aisha_ctx *ctx)
{
    static const struct {
        const char *name;
        AISHA_ASYNC int (*run)(struct aisha_ctx *ctx, const struct words *w);
    } calls[] = {
        {"get", call_get},   {"set", call_set},   {"delete", call_delete},
        {"add", call_add},   {"cas", call_cas},   {"allow", call_allow},
        {"wait", call_wait}, {"wake", call_wake}, {"transaction", call_in_transaction},
    };
    const struct words words = read_words(ctx);

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, words.call) == 0)
            return calls[i].run(ctx, &words);
    return aisha_fail(ctx, -AISHA_E_INVALID, "there is no call \"%s\"", words.call);
}

static const struct aisha_command commands[] = {
    {.name = "call", .summary = "Call", .run = cmd_call},
};

AISHA_PLUGIN(.name = "cache", .version = "1.0", .commands = AISHA_TABLE(commands))
