/*
 * What nobody wants, by POST /moderations: one picture in each request, as the server takes no more.
 */
#include <string.h>

#include <aisha/service/moderation.h>

#include "openai.h"

struct work {
    const char *input; /* JSON */
    int64_t end_ms;
    const struct aisha_moderation_result **ret_result;
};

static int read_result(struct aisha_ctx *ctx, const struct aisha_json *answer, const char *model,
                       const struct work *work)
{
    const struct aisha_json *verdict = aisha_json_at(answer, "results[0]");
    const struct aisha_json *flags = aisha_json_at(verdict, "categories");
    struct aisha_moderation_result *result = aisha_alloc(ctx, sizeof *result);
    size_t count = aisha_json_count(flags, "");
    struct aisha_moderation_category *categories = aisha_alloc(ctx, count * sizeof *categories + 1);

    if (count == 0 || !aisha_json_at(verdict, "flagged")) {
        aisha_log(ctx, AISHA_LOG_ERROR, "moderation: %s answered without a verdict", model);
        return -AISHA_E_UPSTREAM;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = aisha_json_name(flags, "", i);
        categories[i] = (struct aisha_moderation_category){
            .name = name,
            .is_flagged = aisha_json_int(flags, name) == 1,
            .score = aisha_json_real(verdict, aisha_concat(ctx, "category_scores.", name, NULL)),
        };
    }
    *result = (struct aisha_moderation_result){
        .size = sizeof *result,
        .is_flagged = aisha_json_int(verdict, "flagged") == 1,
        .categories = categories,
        .category_count = count,
        .model = model,
    };
    *work->ret_result = result;
    return 0;
}

static AISHA_ASYNC int ask(struct aisha_ctx *ctx, const char *model, void *data)
{
    struct work *work = data;
    const struct aisha_json *answer;
    int r = openai_send(ctx, &answer,
                        &(const struct openai_request){
                            .what = "moderation",
                            .path = "/moderations",
                            .model = model,
                            .body = aisha_concat(ctx, "{\"model\":", aisha_json_quote(ctx, model),
                                                 ",\"input\":[", work->input, "]}", NULL),
                            .end_ms = work->end_ms,
                        });
    return r < 0 ? r : read_result(ctx, answer, model, work);
}

static AISHA_ASYNC int moderate(struct aisha_ctx *ctx,
                                const struct aisha_moderation_result **ret_result,
                                const struct aisha_moderation_request *request)
{
    const struct config *config = aisha_config(ctx);
    const char *text = "", *picture = "";

    if (!request->text && !request->image)
        return aisha_fail(ctx, -AISHA_E_INVALID, "moderation: there is neither text nor picture");
    if (request->text)
        text = aisha_concat(
            ctx, "{\"type\":\"text\",\"text\":", aisha_json_quote(ctx, request->text), "}", NULL);
    if (request->image) {
        int r = openai_check_image(ctx, request->image);
        if (r < 0)
            return r;
        picture = aisha_concat(ctx, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"",
                               openai_data_url(ctx, request->image), "\"}}", NULL);
    }
    struct work work = {
        .input = aisha_concat(ctx, text, *text && *picture ? "," : "", picture, NULL),
        .end_ms = openai_end_after(request->timeout_ms > 0 ? request->timeout_ms
                                                           : config->timeout_s * 1000),
        .ret_result = ret_result,
    };
    return models_try(ctx, config->moderation_models, ask, &work);
}

const struct aisha_moderation_functions openai_moderation = {.size = sizeof openai_moderation,
                                                             .moderate = moderate};
