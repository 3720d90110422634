/*
 * Conversations and questions about pictures, by POST /chat/completions. What users say and what
 * plugins want is put into JSON text; pictures go along as data URLs, so that no address of theirs
 * leaves the house.
 */
#include <string.h>

#include <openssl/evp.h>

#include <aisha/service/chat.h>
#include <aisha/service/vision.h>

#include "openai.h"

struct work {
    const char *what;     /* for the log */
    const char *messages; /* JSON */
    const char *schema, *schema_name;
    int max_tokens;
    int64_t end_ms;
    const struct aisha_chat_result **ret_result;
};

/* ---- the request ---- */

static int64_t end_of(struct aisha_ctx *ctx, int64_t timeout_ms)
{
    const struct config *config = aisha_config(ctx);

    return openai_end_after(timeout_ms > 0 ? timeout_ms : config->timeout_s * 1000);
}

static const char *format_of(struct aisha_ctx *ctx, const struct work *work)
{
    if (!work->schema)
        return "";
    return aisha_concat(ctx, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{",
                        "\"name\":", aisha_json_quote(ctx, work->schema_name),
                        ",\"strict\":true,\"schema\":", work->schema, "}}", NULL);
}

/* Our own number of the user, which tells nobody who it is. */
static const char *user_of(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    const char *id = config->names_user ? aisha_user_id(ctx) : NULL;

    return id ? aisha_printf(ctx, ",\"safety_identifier\":\"%s\"", id) : "";
}

static const char *body_of(struct aisha_ctx *ctx, const char *model, const struct work *work)
{
    const struct config *config = aisha_config(ctx);
    long long max_tokens = work->max_tokens > 0 ? work->max_tokens : (long long)config->max_tokens;

    return aisha_concat(ctx, "{\"model\":", aisha_json_quote(ctx, model), ",",
                        aisha_json_quote(ctx, config->max_tokens_field), ":",
                        aisha_printf(ctx, "%lld", max_tokens), user_of(ctx), format_of(ctx, work),
                        ",\"messages\":[", work->messages, "]}", NULL);
}

/* ---- the answer ---- */

static int refuse(struct aisha_chat_result *result, const char *reason)
{
    result->text = reason ? reason : "";
    return AISHA_CHAT_REFUSED;
}

static int read_result(struct aisha_ctx *ctx, const struct aisha_json *answer, const char *model,
                       const struct work *work)
{
    struct aisha_chat_result *result = aisha_alloc(ctx, sizeof *result);
    const char *refusal = aisha_json_text(answer, "choices[0].message.refusal");
    const char *finish = aisha_json_text(answer, "choices[0].finish_reason");

    *result = (struct aisha_chat_result){
        .size = sizeof *result,
        .text = aisha_json_text(answer, "choices[0].message.content"),
        .model = model,
        .input_tokens = aisha_json_int(answer, "usage.prompt_tokens"),
        .output_tokens = aisha_json_int(answer, "usage.completion_tokens"),
    };
    *work->ret_result = result;
    if (refusal || (finish && strcmp(finish, "content_filter") == 0))
        return refuse(result, refusal);
    if (finish && strcmp(finish, "length") == 0) {
        aisha_log(ctx, AISHA_LOG_ERROR, "%s: the answer of %s did not fit into max_tokens",
                  work->what, model);
        return -AISHA_E_LIMIT;
    }
    if (result->text && work->schema)
        result->json = aisha_json_parse(ctx, result->text, strlen(result->text));
    if (!result->text || (work->schema && !result->json)) {
        aisha_log(ctx, AISHA_LOG_ERROR, "%s: %s answered without %s", work->what, model,
                  work->schema ? "JSON" : "a text");
        return -AISHA_E_UPSTREAM;
    }
    return 0;
}

static AISHA_ASYNC int ask(struct aisha_ctx *ctx, const char *model, void *data)
{
    struct work *work = data;
    const struct aisha_json *answer;

    int r = openai_send(ctx, &answer,
                        &(const struct openai_request){
                            .what = work->what,
                            .path = "/chat/completions",
                            .model = model,
                            .body = body_of(ctx, model, work),
                            .end_ms = work->end_ms,
                        });
    return r < 0 ? r : read_result(ctx, answer, model, work);
}

/* ---- chat ---- */

static const char *const roles[] = {
    [AISHA_CHAT_SYSTEM] = "system",
    [AISHA_CHAT_USER] = "user",
    [AISHA_CHAT_ASSISTANT] = "assistant",
};

static AISHA_ASYNC int complete(struct aisha_ctx *ctx, const struct aisha_chat_result **ret_result,
                                const struct aisha_chat_request *request)
{
    const struct config *config = aisha_config(ctx);
    struct work work = {
        .what = "chat",
        .messages = "",
        .schema = request->schema,
        .schema_name = request->schema_name ? request->schema_name : "answer",
        .max_tokens = request->max_tokens,
        .end_ms = end_of(ctx, request->timeout_ms),
        .ret_result = ret_result,
    };

    for (size_t i = 0; i < request->message_count; i++) {
        const struct aisha_chat_message *message = &request->messages[i];
        if ((size_t)message->role >= sizeof roles / sizeof *roles || !message->text)
            return aisha_fail(ctx, -AISHA_E_INVALID, "chat: message %zu has no role or text", i);
        work.messages =
            aisha_concat(ctx, work.messages, i ? "," : "", "{\"role\":\"", roles[message->role],
                         "\",\"content\":", aisha_json_quote(ctx, message->text), "}", NULL);
    }
    if (request->message_count == 0)
        return aisha_fail(ctx, -AISHA_E_INVALID, "chat: there is no message");
    return models_try(ctx, config->chat_models, ask, &work);
}

/* ---- vision ---- */

const char *openai_data_url(struct aisha_ctx *ctx, const struct aisha_image *image)
{
    const char *head = aisha_printf(ctx, "data:%s;base64,", image->type);
    size_t length = strlen(head);
    char *url = aisha_alloc(ctx, length + (image->size + 2) / 3 * 4 + 1);

    memcpy(url, head, length);
    EVP_EncodeBlock((unsigned char *)url + length, image->bytes, (int)image->size);
    return url;
}

int openai_check_image(struct aisha_ctx *ctx, const struct aisha_image *image)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/gif"};
    const struct config *config = aisha_config(ctx);

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (image->type && strcmp(image->type, types[i]) == 0)
            return image->size <= (size_t)config->max_image_mb << 20 ? 0 : -AISHA_E_LIMIT;
    return aisha_fail(ctx, -AISHA_E_INVALID, "a picture has to be JPEG, PNG, WebP or GIF");
}

static int check_images(struct aisha_ctx *ctx, const struct aisha_vision_request *request)
{
    const struct config *config = aisha_config(ctx);
    size_t left = (size_t)config->max_image_mb << 20;

    for (size_t i = 0; i < request->image_count; i++) {
        int r = openai_check_image(ctx, &request->images[i]);
        if (r < 0)
            return r;
        if (request->images[i].size > left)
            return -AISHA_E_LIMIT;
        left -= request->images[i].size;
    }
    if (request->image_count == 0 || !request->question)
        return aisha_fail(ctx, -AISHA_E_INVALID, "vision: there is no picture or no question");
    return 0;
}

/* All parts at once: a copy for each picture would be many megabytes of them. */
static const char *picture_parts(struct aisha_ctx *ctx, const struct aisha_vision_request *request)
{
    static const char head[] =
        ",{\"type\":\"image_url\",\"image_url\":{\"detail\":\"%s\",\"url\":\"";
    static const char tail[] = "\"}}";
    const char *start = aisha_printf(ctx, head, request->is_detailed ? "high" : "low");
    const char **urls = aisha_alloc(ctx, request->image_count * sizeof *urls);
    size_t size = 1;

    for (size_t i = 0; i < request->image_count; i++) {
        urls[i] = openai_data_url(ctx, &request->images[i]);
        size += strlen(start) + strlen(urls[i]) + strlen(tail);
    }
    char *parts = aisha_alloc(ctx, size), *end = parts;
    for (size_t i = 0; i < request->image_count; i++)
        end = stpcpy(stpcpy(stpcpy(end, start), urls[i]), tail);
    return parts;
}

static AISHA_ASYNC int look(struct aisha_ctx *ctx, const struct aisha_chat_result **ret_result,
                            const struct aisha_vision_request *request)
{
    const struct config *config = aisha_config(ctx);

    int r = check_images(ctx, request);
    if (r < 0)
        return r;
    const char *instructions = "";
    if (request->instructions)
        instructions = aisha_concat(ctx, "{\"role\":\"system\",\"content\":",
                                    aisha_json_quote(ctx, request->instructions), "},", NULL);
    struct work work = {
        .what = "vision",
        .messages = aisha_concat(
            ctx, instructions, "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":",
            aisha_json_quote(ctx, request->question), "}", picture_parts(ctx, request), "]}", NULL),
        .schema = request->schema,
        .schema_name = request->schema_name ? request->schema_name : "answer",
        .max_tokens = request->max_tokens,
        .end_ms = end_of(ctx, request->timeout_ms),
        .ret_result = ret_result,
    };
    return models_try(ctx, config->vision_models, ask, &work);
}

const struct aisha_chat_functions openai_chat = {.size = sizeof openai_chat, .complete = complete};
const struct aisha_vision_functions openai_vision = {.size = sizeof openai_vision, .look = look};
