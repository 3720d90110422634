/*
 * Models come and go: each setting is a list, and the first that the server still has is asked. That
 * one is gone is remembered for an hour, so that not every request has to be refused first.
 */
#include <string.h>

#include "openai.h"

enum { GONE_S = 3600, MAX_NAME = 128 };

static const char separators[] = ", \t\n";

const char *models_next(struct aisha_ctx *ctx, const char **at)
{
    const char *start = *at + strspn(*at, separators);
    size_t length = strcspn(start, separators);

    *at = start + length;
    return length ? aisha_printf(ctx, "%.*s", (int)length, start) : NULL;
}

bool models_contain(struct aisha_ctx *ctx, const char *list, const char *model)
{
    const char *each;

    while ((each = models_next(ctx, &list)))
        if (strcmp(each, model) == 0)
            return true;
    return false;
}

static const char *gone_key(struct aisha_ctx *ctx, const char *model)
{
    return aisha_printf(ctx, "gone/%.*s", MAX_NAME, model);
}

int models_is_gone(struct aisha_ctx *ctx, const char *model, bool *ret_is_gone)
{
    const void *value;
    size_t size;

    int r = aisha_cache_get(ctx, gone_key(ctx, model), &value, &size);
    *ret_is_gone = r == 0;
    return r < 0 ? r : 0;
}

/* The first that is not known to be gone, or when all are, whichever comes first: it may be back. */
static AISHA_ASYNC int skip_gone(struct aisha_ctx *ctx, const char **at)
{
    bool is_gone = true;

    for (const char *rest = *at, *next = rest, *model; (model = models_next(ctx, &next));
         rest = next) {
        int r = models_is_gone(ctx, model, &is_gone);
        if (r < 0)
            return r;
        if (!is_gone) {
            *at = rest;
            break;
        }
    }
    return 0;
}

int models_try(struct aisha_ctx *ctx, const char *list, openai_model_fn *ask, void *data)
{
    const char *at = list, *model;

    int r = skip_gone(ctx, &at);
    if (r < 0)
        return r;
    while ((model = models_next(ctx, &at))) {
        r = ask(ctx, model, data);
        if (r != -AISHA_E_NOT_FOUND)
            return r;
        aisha_log(ctx, AISHA_LOG_WARN, "the server has no model %s (any more)", model);
        r = aisha_cache_set(ctx, gone_key(ctx, model), "", 0, GONE_S);
        if (r < 0)
            return r;
    }
    aisha_log(ctx, AISHA_LOG_ERROR, "the server has none of the models \"%s\"", list);
    return -AISHA_E_DENIED;
}
