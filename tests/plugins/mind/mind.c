/*
 * For tests: hands what it is told to the services of language models, and shows what comes back.
 */
#include <stdio.h>
#include <string.h>

#include <aisha/aisha.h>
#include <aisha/service/chat.h>
#include <aisha/service/moderation.h>
#include <aisha/service/speech.h>
#include <aisha/service/vision.h>

enum { MAX_FILE_BYTES = 8 << 20, MAX_IMAGES = 4 };

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{\"prompt\":{\"type\":\"string\"},\"people\":{\"type\":"
    "\"integer\"}},\"required\":[\"prompt\",\"people\"],\"additionalProperties\":false}";

static AISHA_ASYNC int show_error(struct aisha_ctx *ctx, int r)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "error: %s", aisha_error_text(r)));
}

static AISHA_ASYNC int show(struct aisha_ctx *ctx, int r, const struct aisha_chat_result *answer)
{
    if (r < 0)
        return show_error(ctx, r);
    if (r == AISHA_CHAT_REFUSED)
        return aisha_reply(ctx, .text = aisha_printf(ctx, "refused: %s", answer->text));
    const char *prompt = aisha_json_text(answer->json, "prompt");
    return aisha_reply(ctx, .text = aisha_printf(
                                ctx, "%s: %s (%s, %lld + %lld tokens)", prompt ? "json" : "text",
                                prompt ? prompt : answer->text, answer->model,
                                (long long)answer->input_tokens, (long long)answer->output_tokens));
}

static AISHA_ASYNC int chat(struct aisha_ctx *ctx, const char *wanted)
{
    const struct aisha_chat_result *answer;
    const struct aisha_chat_message messages[] = {
        {AISHA_CHAT_SYSTEM, "Be brief."},
        {AISHA_CHAT_USER, aisha_args(ctx)},
    };

    int r = aisha_chat(ctx, &answer, .messages = messages, .message_count = 2, .schema = wanted,
                       .schema_name = "test", .max_tokens = 99);
    return show(ctx, r, answer);
}

static AISHA_ASYNC int cmd_chat(struct aisha_ctx *ctx)
{
    return chat(ctx, NULL);
}

static AISHA_ASYNC int cmd_json(struct aisha_ctx *ctx)
{
    return chat(ctx, schema);
}

static AISHA_ASYNC int show_verdict(struct aisha_ctx *ctx, int r,
                                    const struct aisha_moderation_result *verdict)
{
    const char *names = "";

    if (r < 0)
        return show_error(ctx, r);
    for (size_t i = 0; i < verdict->category_count; i++)
        if (verdict->categories[i].is_flagged)
            names = aisha_printf(ctx, "%s %s=%.1f", names, verdict->categories[i].name,
                                 verdict->categories[i].score);
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s of %zu:%s",
                                                 verdict->is_flagged ? "flagged" : "clean",
                                                 verdict->category_count, names));
}

static AISHA_ASYNC int cmd_moderate(struct aisha_ctx *ctx)
{
    const struct aisha_moderation_result *verdict = NULL;

    int r = aisha_moderate(ctx, &verdict, .text = aisha_args(ctx));
    return show_verdict(ctx, r, verdict);
}

static AISHA_ASYNC int read_file(struct aisha_ctx *ctx, const char *path, struct aisha_image *image)
{
    char *bytes = aisha_alloc(ctx, MAX_FILE_BYTES);
    FILE *file = fopen(path, "rbe");

    if (!file)
        return aisha_fail(ctx, -AISHA_E_NOT_FOUND, "no file");
    image->bytes = bytes;
    image->size = fread(bytes, 1, MAX_FILE_BYTES, file);
    fclose(file);
    return 0;
}

/* A picture sent as a file is moderated, with "look" below it the model is asked what it shows. */
static AISHA_ASYNC int on_document(struct aisha_ctx *ctx)
{
    const struct aisha_message *message = aisha_message(ctx);
    const struct aisha_moderation_result *verdict = NULL;
    const struct aisha_chat_result *answer = NULL;
    struct aisha_image images[MAX_IMAGES] = {0};
    const char *path;

    int r = aisha_download(ctx, message->document->file_id, MAX_FILE_BYTES, &path);
    if (r == 0)
        r = read_file(ctx, path, &images[0]);
    if (r < 0)
        return r;
    images[0].type = message->document->mime_type;
    if (!message->caption || strcmp(message->caption, "look") != 0) {
        r = aisha_moderate(ctx, &verdict, .image = &images[0]);
        return show_verdict(ctx, r, verdict);
    }
    for (size_t i = 1; i < MAX_IMAGES; i++)
        images[i] = images[0];
    r = aisha_vision(ctx, &answer, .instructions = "Look.", .question = "What is there?",
                     .images = images, .image_count = MAX_IMAGES, .schema = schema,
                     .schema_name = "seen");
    return show(ctx, r, answer);
}

static AISHA_ASYNC int on_voice(struct aisha_ctx *ctx)
{
    const struct aisha_speech_result *result;
    const char *path, *ogg = aisha_temp_path(ctx, ".ogg"), *report = "";

    int r = aisha_download(ctx, aisha_message(ctx)->voice->file_id, MAX_FILE_BYTES, &path);
    if (r < 0)
        return r;
    if (rename(path, ogg) < 0)
        return aisha_fail(ctx, -AISHA_E_INVALID, "cannot be renamed");
    r = aisha_speech_transcribe(ctx, &result, .path = ogg, .language = "en", .prompt = "Earlier.",
                                .wants_segments = true);
    if (r < 0)
        return show_error(ctx, r);
    for (size_t i = 0; i < result->segment_count; i++)
        report = aisha_printf(
            ctx, "%s [%lld-%lld %.2f]", report, (long long)result->segments[i].start_ms,
            (long long)result->segments[i].end_ms, result->segments[i].confidence);
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s, %s, %lld ms:%s", result->model,
                                                 result->language ? result->language : "-",
                                                 (long long)result->duration_ms, report));
}

static const struct aisha_command commands[] = {
    {.name = "chat", .summary = "Ask", .run = cmd_chat},
    {.name = "json", .summary = "Ask for JSON", .run = cmd_json},
    {.name = "moderate", .summary = "Judge", .run = cmd_moderate},
};

static const struct aisha_message_route messages[] = {
    {.field = "document", .run = on_document},
    {.field = "voice", .run = on_voice},
};

static const struct aisha_requirement requirements[] = {
    {.name = "chat"},
    {.name = "vision"},
    {.name = "moderation"},
    {.name = "speech"},
};

AISHA_PLUGIN(.name = "mind", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .messages = AISHA_TABLE(messages),
             .requires = AISHA_TABLE(requirements))
