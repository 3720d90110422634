/*
 * Transcription. It decodes what it receives and says what it heard; the words are the sandbox's own,
 * clearly marked, unless a test has scripted them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/audio.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/openai.h"
#include "sdk/sandbox/sandbox.h"

enum { LARGEST_FILE = 25 * 1024 * 1024, MOST_SPEAKERS = 4 };

static const double shortest_seconds = 0.1, longest_undivided_seconds = 30;

/* What the format of the bytes must be for each extension; NULL = the sandbox cannot decode it. */
static const struct {
    const char *extension, *format;
} formats[] = {
    {"flac", "flac"}, {"mp3", "mp3"}, {"mpeg", "mp3"}, {"mpga", "mp3"}, {"ogg", "ogg"},
    {"wav", "wav"},   {"mp4", NULL},  {"m4a", NULL},   {"webm", NULL},
};

struct transcription {
    struct openai_call *call;
    struct arena *arena;
    const struct upload *file;
    const struct openai_model *model;
    const char *format, *language, *text;
    struct audio_info info;
};

static const char *value(const struct transcription *t, const char *name)
{
    return json_get_text(t->call->params.values, name);
}

static bool is_model(const struct transcription *t, const char *part)
{
    return strstr(t->model->id, part) != NULL;
}

/* ---- what is asked for ---- */

static AISHA_ASYNC bool check_format(struct transcription *t)
{
    const char *granularities = value(t, "timestamp_granularities[]");
    const char *known = "";
    bool is_known = false;

    for (const char *const *name = t->model->formats; *name; name++) {
        is_known |= strcmp(*name, t->format) == 0;
        known = arena_printf(t->arena, "%s%s'%s'", known, *known ? ", " : "", *name);
    }
    if (!is_known)
        return openai_fail(t->call, 400, "response_format", "unsupported_value",
                           arena_printf(t->arena,
                                        "response_format '%s' is not compatible with model '%s'. "
                                        "Use %s instead.",
                                        t->format, t->model->id, known));
    if (granularities && strcmp(t->format, "verbose_json") != 0)
        return openai_fail(t->call, 400, "timestamp_granularities", NULL,
                           "timestamp_granularities requires response_format 'verbose_json'.");
    return true;
}

static AISHA_ASYNC bool check_language(struct transcription *t)
{
    const char *language = t->language;

    if (!language || !*language ||
        (strlen(language) == 2 && strspn(language, "abcdefghijklmnopqrstuvwxyz") == 2))
        return true;
    return openai_fail(t->call, 400, "language", "invalid_language_format",
                       arena_printf(t->arena,
                                    "Invalid language '%s'. Language parameter must be specified "
                                    "in ISO-639-1 format.",
                                    language));
}

static AISHA_ASYNC bool check_others(struct transcription *t)
{
    const char *temperature = value(t, "temperature"), *include = value(t, "include[]");
    double degrees = temperature ? strtod(temperature, NULL) : 0;

    if (degrees < 0 || degrees > 1)
        return openai_fail(t->call, 400, "temperature", NULL,
                           "Invalid 'temperature': must be between 0 and 1.");
    if (value(t, "prompt") && is_model(t, "diarize"))
        return openai_fail(t->call, 400, "prompt", "unsupported_parameter",
                           "prompt is not supported for diarization models.");
    if (include && (is_model(t, "whisper") || strcmp(t->format, "json") != 0))
        return openai_fail(t->call, 400, "include", "unsupported_parameter",
                           "include is not supported here.");
    return true;
}

/* ---- what is there ---- */

static int inspect(void *arg)
{
    struct transcription *t = arg;

    return audio_inspect(t->file->bytes, t->file->size, &t->info);
}

/* Decodes the file; its name's extension must be one of the list, and must not lie. */
static AISHA_ASYNC bool hear(struct transcription *t)
{
    const char *dot = t->file->file_name ? strrchr(t->file->file_name, '.') : NULL;
    size_t i = 0, count = sizeof formats / sizeof *formats;

    while (dot && i < count && strcasecmp(formats[i].extension, dot + 1) != 0)
        i++;
    if (!dot || i == count)
        return openai_fail(t->call, 400, NULL, NULL,
                           "Invalid file format. Supported formats: ['flac', 'm4a', 'mp3', 'mp4', "
                           "'mpeg', 'mpga', 'ogg', 'wav', 'webm']");
    if (t->file->size > LARGEST_FILE)
        return openai_fail(t->call, 413, NULL, NULL,
                           arena_printf(t->arena,
                                        "Maximum content size limit (%d) exceeded (%zu bytes read)",
                                        LARGEST_FILE, t->file->size));
    int r = workers_run(t->call->sandbox->workers, inspect, t);
    if (r < 0 || !formats[i].format || strcmp(formats[i].format, t->info.format) != 0)
        return openai_fail(t->call, 400, "file", "invalid_value",
                           "Audio file might be corrupted or unsupported");
    if (t->info.seconds < shortest_seconds)
        return openai_fail(t->call, 400, "file", "audio_too_short",
                           "Audio file is too short. Minimum audio length is 0.1 seconds.");
    if (is_model(t, "diarize") && t->info.seconds > longest_undivided_seconds &&
        !value(t, "chunking_strategy"))
        return openai_fail(t->call, 400, "chunking_strategy", NULL,
                           "chunking_strategy is required for diarization models");
    return true;
}

/* The next scripted text, or what was heard. */
static const char *text_of(struct transcription *t)
{
    cJSON *scripted = cJSON_DetachItemFromArray(t->call->sandbox->transcripts, 0);

    if (scripted)
        return json_keep(t->arena, scripted)->valuestring;
    return arena_printf(t->arena, "[sandbox] heard %.1f s of audio, %u %s", t->info.seconds,
                        t->info.phrases, t->info.phrases == 1 ? "phrase" : "phrases");
}

/* ---- in pieces: a segment for each phrase, with its share of the words ---- */

struct piece {
    double start, end;
    const char *text;
};

static size_t count_words(const char *text)
{
    size_t count = 0;

    for (const char *c = text + strspn(text, " "); *c; c += strspn(c, " ")) {
        count++;
        c += strcspn(c, " ");
    }
    return count;
}

/* The first so many words of *text, which goes on behind them. */
static const char *take_words(struct arena *arena, const char **text, size_t count)
{
    const char *start = *text + strspn(*text, " "), *end = start;

    for (; count && *end; count--) {
        end += strspn(end, " ");
        end += strcspn(end, " ");
    }
    *text = end;
    return arena_strndup(arena, start, (size_t)(end - start));
}

static struct piece *segments_of(struct transcription *t, size_t *ret_count)
{
    size_t words = count_words(t->text), count = t->info.phrases;
    const char *rest = t->text;

    count = count > AUDIO_PHRASES ? AUDIO_PHRASES : count;
    count = count > words ? words : count;
    count = count ? count : 1;
    struct piece *pieces = arena_alloc(t->arena, count * sizeof *pieces);
    for (size_t i = 0; i < count; i++) {
        size_t share = words * (i + 1) / count - words * i / count;
        pieces[i] =
            (struct piece){t->info.starts[i], t->info.ends[i], take_words(t->arena, &rest, share)};
    }
    if (pieces[count - 1].end <= pieces[count - 1].start || count == 1)
        pieces[count - 1].end = t->info.seconds;
    *ret_count = count;
    return pieces;
}

static void set_number(cJSON *object, const char *name, double number)
{
    json_set(object, name, cJSON_CreateNumber(number));
}

static cJSON *list_segments(struct transcription *t, bool is_diarized)
{
    cJSON *list = cJSON_CreateArray();
    size_t count;
    const struct piece *pieces = segments_of(t, &count);

    for (size_t i = 0; i < count; i++) {
        cJSON *segment = cJSON_CreateObject();
        if (is_diarized) {
            json_set_text(segment, "id", arena_printf(t->arena, "seg_%zu", i));
            json_set_text(segment, "type", "transcript.text.segment");
            json_set_text(segment, "speaker",
                          arena_printf(t->arena, "%c", (char)('A' + i % MOST_SPEAKERS)));
        } else {
            json_set_int(segment, "id", (int64_t)i);
            json_set_int(segment, "seek", 0);
            json_set(segment, "tokens", cJSON_CreateArray());
            json_set_int(segment, "temperature", 0);
            set_number(segment, "avg_logprob", -0.1);
            set_number(segment, "compression_ratio", 1);
            set_number(segment, "no_speech_prob", t->info.phrases ? 0.01 : 0.9);
        }
        set_number(segment, "start", pieces[i].start);
        set_number(segment, "end", pieces[i].end);
        json_set_text(segment, "text", pieces[i].text);
        cJSON_AddItemToArray(list, segment);
    }
    return list;
}

static cJSON *list_words(struct transcription *t)
{
    cJSON *list = cJSON_CreateArray();
    size_t count;
    const struct piece *pieces = segments_of(t, &count);

    for (size_t i = 0; i < count; i++) {
        const char *rest = pieces[i].text;
        size_t words = count_words(rest);
        double step = (pieces[i].end - pieces[i].start) / (double)(words ? words : 1);
        for (size_t k = 0; k < words; k++) {
            cJSON *word = cJSON_CreateObject();
            json_set_text(word, "word", take_words(t->arena, &rest, 1));
            set_number(word, "start", pieces[i].start + step * (double)k);
            set_number(word, "end", pieces[i].start + step * (double)(k + 1));
            cJSON_AddItemToArray(list, word);
        }
    }
    return list;
}

/* "00:00:01,500", or with a point. */
static const char *stamp(struct arena *arena, double seconds, char point)
{
    int ms = (int)(seconds * 1000 + 0.5);

    return arena_printf(arena, "%02d:%02d:%02d%c%03d", ms / 3600000, ms / 60000 % 60,
                        ms / 1000 % 60, point, ms % 1000);
}

static const char *subtitles(struct transcription *t, bool is_vtt)
{
    const char *text = is_vtt ? "WEBVTT\n\n" : "";
    char point = is_vtt ? '.' : ',';
    size_t count;
    const struct piece *pieces = segments_of(t, &count);

    for (size_t i = 0; i < count; i++)
        text = arena_printf(t->arena, "%s%s%s --> %s\n%s\n\n", text,
                            is_vtt ? "" : arena_printf(t->arena, "%zu\n", i + 1),
                            stamp(t->arena, pieces[i].start, point),
                            stamp(t->arena, pieces[i].end, point), pieces[i].text);
    return text;
}

/* ---- the answer ---- */

static void set_usage(struct transcription *t, cJSON *body)
{
    cJSON *usage = cJSON_AddObjectToObject(body, "usage");
    int64_t in = (int64_t)ceil(t->info.seconds * 10), out = openai_tokens(t->text);

    if (is_model(t, "whisper")) {
        json_set_text(usage, "type", "duration");
        json_set_int(usage, "seconds", (int64_t)ceil(t->info.seconds));
        return;
    }
    json_set_text(usage, "type", "tokens");
    json_set_int(usage, "input_tokens", in);
    json_set_int(usage, "output_tokens", out);
    json_set_int(usage, "total_tokens", in + out);
    cJSON *details = cJSON_AddObjectToObject(usage, "input_token_details");
    json_set_int(details, "text_tokens", 0);
    json_set_int(details, "audio_tokens", in);
}

static cJSON *make_body(struct transcription *t)
{
    const char *granularities = value(t, "timestamp_granularities[]");
    bool has_words = granularities && strstr(granularities, "word");
    cJSON *body = json_keep(t->arena, cJSON_CreateObject());

    json_set_text(body, "text", t->text);
    if (strcmp(t->format, "verbose_json") == 0) {
        json_set_text(body, "task", "transcribe");
        json_set_text(body, "language", t->language && *t->language ? t->language : "english");
        set_number(body, "duration", t->info.seconds);
        if (has_words)
            json_set(body, "words", list_words(t));
        if (!has_words || strstr(granularities, "segment"))
            json_set(body, "segments", list_segments(t, false));
    }
    if (strcmp(t->format, "diarized_json") == 0) {
        json_set_text(body, "task", "transcribe");
        set_number(body, "duration", t->info.seconds);
        json_set(body, "segments", list_segments(t, true));
    }
    if (value(t, "include[]"))
        json_set(body, "logprobs", cJSON_CreateArray());
    set_usage(t, body);
    return body;
}

/* Server-sent events: word by word, and at the end all of it. */
static AISHA_ASYNC void stream(struct transcription *t)
{
    const char *rest = t->text, *all = "";
    cJSON *done = make_body(t);

    for (size_t left = count_words(rest); left; left--) {
        cJSON *delta = json_keep(t->arena, cJSON_CreateObject());
        json_set_text(delta, "type", "transcript.text.delta");
        json_set_text(
            delta, "delta",
            arena_printf(t->arena, "%s%s", take_words(t->arena, &rest, 1), left > 1 ? " " : ""));
        all = arena_printf(t->arena, "%sdata: %s\n\n", all, json_text(t->arena, delta));
    }
    json_set_text(done, "type", "transcript.text.done");
    all = arena_printf(t->arena, "%sdata: %s\n\n", all, json_text(t->arena, done));
    openai_answer(t->call, 200, "text/event-stream", all);
}

static AISHA_ASYNC void answer(struct transcription *t)
{
    static const char plain[] = "text/plain; charset=utf-8";
    const char *wants_stream = value(t, "stream");

    if (strcmp(t->format, "text") == 0)
        openai_answer(t->call, 200, plain, arena_printf(t->arena, "%s\n", t->text));
    else if (strcmp(t->format, "srt") == 0 || strcmp(t->format, "vtt") == 0)
        openai_answer(t->call, 200, plain, subtitles(t, strcmp(t->format, "vtt") == 0));
    else if (wants_stream && strcmp(wants_stream, "true") == 0 && !is_model(t, "whisper"))
        stream(t);
    else
        openai_answer_json(t->call, make_body(t));
}

void openai_transcribe(struct openai_call *call)
{
    struct transcription t = {.call = call,
                              .arena = call->arena,
                              .file = params_upload(&call->params, "file"),
                              .format = json_get_text(call->params.values, "response_format"),
                              .language = json_get_text(call->params.values, "language")};

    if (!t.format)
        t.format = "json";
    if (!t.file) {
        openai_fail(call, 400, "file", NULL, "you must provide a file parameter");
        return;
    }
    t.model = openai_model(call, json_get_text(call->params.values, "model"), OPENAI_TRANSCRIBES);
    if (!t.model || !check_format(&t) || !check_language(&t) || !check_others(&t) || !hear(&t) ||
        !openai_spend(call, (int64_t)ceil(t.info.seconds * 10)))
        return;
    t.text = text_of(&t);
    answer(&t);
}
