/*
 * Recordings to text, by POST /audio/transcriptions. The file is read while it is sent.
 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include <aisha/service/speech.h>

#include "openai.h"

enum {
    LEAST_TIMEOUT_MS = 60 * 1000,
    LONGEST_TIMEOUT_MS = 5 * 60 * 1000,
    SPEED = 8, /* at least so much faster than speech */
    MAX_PARTS = 6,
};

struct work {
    const struct aisha_speech_request *request;
    int64_t end_ms;
    const struct aisha_speech_result **ret_result;
};

/* The ending decides what the server takes a file for. Of Telegram's ".oga" not all have heard. */
static const struct {
    const char *ending, *file_name, *content_type;
} formats[] = {
    {".mp3", "speech.mp3", "audio/mpeg"},   {".ogg", "speech.ogg", "audio/ogg"},
    {".oga", "speech.ogg", "audio/ogg"},    {".opus", "speech.ogg", "audio/ogg"},
    {".flac", "speech.flac", "audio/flac"}, {".m4a", "speech.m4a", "audio/mp4"},
    {".wav", "speech.wav", "audio/wav"},
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);

    return length >= ending_length && strcasecmp(text + length - ending_length, ending) == 0;
}

static struct aisha_http_part file_part(const char *path)
{
    struct aisha_http_part part = {.name = "file", .path = path};

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (ends_with(path, formats[i].ending)) {
            part.file_name = formats[i].file_name;
            part.content_type = formats[i].content_type;
        }
    return part;
}

static int64_t timeout_for(int64_t duration_ms)
{
    int64_t timeout_ms = LEAST_TIMEOUT_MS + duration_ms / SPEED;

    return timeout_ms < LONGEST_TIMEOUT_MS ? timeout_ms : LONGEST_TIMEOUT_MS;
}

static int64_t milliseconds(const struct aisha_json *json, const char *path)
{
    double seconds = aisha_json_real(json, path);

    return seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

/* avg_logprob is of the words, no_speech_prob of there being any. */
static double confidence_of(const struct aisha_json *segment)
{
    double words = exp(fmin(aisha_json_real(segment, "avg_logprob"), 0));
    double silence = fmin(fmax(aisha_json_real(segment, "no_speech_prob"), 0), 1);

    return words * (1 - silence);
}

static void read_segments(struct aisha_ctx *ctx, const struct aisha_json *answer,
                          struct aisha_speech_result *result)
{
    size_t count = aisha_json_count(answer, "segments");
    struct aisha_speech_segment *segments = aisha_alloc(ctx, count * sizeof *segments + 1);

    for (size_t i = 0; i < count; i++) {
        const struct aisha_json *segment =
            aisha_json_at(answer, aisha_printf(ctx, "segments[%zu]", i));
        const char *text = aisha_json_text(segment, "text");
        segments[i] = (struct aisha_speech_segment){
            .start_ms = milliseconds(segment, "start"),
            .end_ms = milliseconds(segment, "end"),
            .text = text ? text : "",
            .confidence = confidence_of(segment),
        };
    }
    result->segments = segments;
    result->segment_count = count;
}

static int read_result(struct aisha_ctx *ctx, const struct aisha_json *answer, const char *model,
                       struct work *work)
{
    struct aisha_speech_result *result = aisha_alloc(ctx, sizeof *result);
    const char *language = aisha_json_text(answer, "language");

    *result = (struct aisha_speech_result){
        .size = sizeof *result,
        .text = aisha_json_text(answer, "text"),
        .model = model,
        .language = language ? language : aisha_json_text(answer, "languages[0]"),
        .duration_ms = milliseconds(answer, "usage.seconds"),
        .input_tokens = aisha_json_int(answer, "usage.input_tokens"),
        .output_tokens = aisha_json_int(answer, "usage.output_tokens"),
    };
    if (!result->text) {
        aisha_log(ctx, AISHA_LOG_ERROR, "transcription: %s answered without a text", model);
        return -AISHA_E_UPSTREAM;
    }
    read_segments(ctx, answer, result);
    *work->ret_result = result;
    return 0;
}

static AISHA_ASYNC int ask(struct aisha_ctx *ctx, const char *model, void *data)
{
    const struct config *config = aisha_config(ctx);
    struct work *work = data;
    const struct aisha_speech_request *request = work->request;
    const struct aisha_json *answer;
    bool is_verbose = request->wants_segments && models_contain(ctx, config->segment_models, model);
    struct aisha_http_part parts[MAX_PARTS] = {
        file_part(request->path),
        {.name = "model", .text = model},
        {.name = "response_format", .text = is_verbose ? "verbose_json" : "json"},
    };
    size_t count = 3;

    if (request->language)
        parts[count++] = (struct aisha_http_part){.name = "language", .text = request->language};
    if (request->prompt)
        parts[count++] = (struct aisha_http_part){.name = "prompt", .text = request->prompt};
    int r = openai_send(ctx, &answer,
                        &(const struct openai_request){
                            .what = "transcription",
                            .path = "/audio/transcriptions",
                            .model = model,
                            .parts = parts,
                            .part_count = count,
                            .end_ms = work->end_ms,
                        });
    return r < 0 ? r : read_result(ctx, answer, model, work);
}

/* Those of the list that are in the other one, too. */
static const char *common(struct aisha_ctx *ctx, const char *list, const char *others)
{
    const char *found = "", *model;

    while ((model = models_next(ctx, &list)))
        if (models_contain(ctx, others, model))
            found = aisha_concat(ctx, found, model, ", ", NULL);
    return found;
}

static AISHA_ASYNC int transcribe(struct aisha_ctx *ctx,
                                  const struct aisha_speech_result **ret_result,
                                  const struct aisha_speech_request *request)
{
    const struct config *config = aisha_config(ctx);
    struct work work = {.request = request,
                        .end_ms = openai_end_after(timeout_for(request->duration_ms)),
                        .ret_result = ret_result};
    const char *models = config->speech_models;

    if (request->wants_segments) /* first those that have them */
        models = aisha_concat(ctx, common(ctx, models, config->segment_models), models, NULL);
    return models_try(ctx, models, ask, &work);
}

const struct aisha_speech_functions openai_speech = {.size = sizeof openai_speech,
                                                     .transcribe = transcribe};
