/*
 * Whether the key works and the models are there, by GET /models, which costs nothing.
 */
#include <string.h>
#include <time.h>

#include "openai.h"

enum { TIMEOUT_MS = 8 * 1000, ANSWER_BYTES = 4 << 20, SOON_S = 60 * 24 * 3600 };

/* What the server says of the model: NULL when it does not have it. */
static const struct aisha_json *find_model(struct aisha_ctx *ctx, const struct aisha_json *list,
                                           const char *model)
{
    size_t count = aisha_json_count(list, "data");

    for (size_t i = 0; i < count; i++) {
        const struct aisha_json *row = aisha_json_at(list, aisha_printf(ctx, "data[%zu]", i));
        const char *id = aisha_json_text(row, "id");
        if (id && strcmp(id, model) == 0)
            return row;
    }
    return NULL;
}

/* "2027-02-26", or seconds since 1970; 0 = it stays. */
static int64_t end_of(const struct aisha_json *model)
{
    const char *text = aisha_json_text(model, "shutdown_date");
    struct tm date = {0};

    if (text && strptime(text, "%Y-%m-%d", &date))
        return timegm(&date);
    return aisha_json_int(model, "shutdown_date");
}

/* Looks at one list of models; says the worst that it finds. */
static AISHA_ASYNC int check_models(struct aisha_ctx *ctx, const struct aisha_json *served,
                                    const char *option, const char *models, bool *ret_is_bad)
{
    const char *at = models, *model = models_next(ctx, &at), *next = models_next(ctx, &at);
    const struct aisha_json *row = find_model(ctx, served, model ? model : "");
    bool is_gone = false;

    if (!model)
        return 0;
    int r = models_is_gone(ctx, model, &is_gone);
    if (r < 0)
        return r;
    int64_t end = end_of(row);
    bool ends_soon = end > 0 && end - aisha_now(ctx) < SOON_S;
    if (!is_gone && row && !ends_soon)
        return 0;
    *ret_is_bad = true;
    const char *then = next ? aisha_printf(ctx, "; then comes %s", next) : "";
    return aisha_health(
        ctx, .state = AISHA_HEALTH_WARNING,
        .text = row && !is_gone ? aisha_printf(ctx, "the server will soon end %s%s", model, then)
                                : aisha_printf(ctx, "the server does not have %s%s", model, then),
        .advice = aisha_printf(ctx, "set %s in [openai] to models that it has", option));
}

static AISHA_ASYNC int check_all_models(struct aisha_ctx *ctx, const struct aisha_json *served)
{
    const struct config *config = aisha_config(ctx);

    const struct {
        const char *option, *models;
    } rows[] = {
        {"speech_models", config->speech_models},
        {"chat_models", config->chat_models},
        {"vision_models", config->vision_models},
        {"moderation_models", config->moderation_models},
    };

    bool is_bad = false;

    for (size_t i = 0; i < sizeof rows / sizeof *rows && !is_bad; i++) {
        int r = check_models(ctx, served, rows[i].option, rows[i].models, &is_bad);
        if (r < 0)
            return r;
    }
    return 0;
}

int openai_check(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    const struct aisha_http_response *answer;

    if (!*config->api_key)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING, .text = "there is no key",
                            .advice = "set OPENAI_API_KEY; until then nothing is transcribed");
    int r = aisha_http(ctx, &answer, .url = openai_url(ctx, "/models"),
                       .headers = openai_headers(ctx, NULL), .timeout_ms = TIMEOUT_MS,
                       .max_body_bytes = ANSWER_BYTES);
    if (r < 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = aisha_printf(ctx, "no answer: %s", aisha_error_text(r)),
                            .advice = "look at OPENAI_BASE_URL and the network");
    if (answer->status == 401)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = "the key is refused",
                            .advice =
                                "make one at platform.openai.com, put it into OPENAI_API_KEY");
    if (answer->status >= 500)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = aisha_printf(ctx, "the server answers %d", answer->status),
                            .advice = "it is not you; see status.openai.com");
    if (answer->status != 200) /* a key for some things only, a server without a list */
        return aisha_health(ctx, .text = "the models cannot be listed");
    const struct aisha_json *served = aisha_json_parse(ctx, answer->body, answer->body_size);
    return aisha_json_count(served, "data") > 0 ? check_all_models(ctx, served) : 0;
}
