/*
 * audio: a voice note, or any other recording, becomes text. A job fetches the recording, has it
 * decoded in a helper process that has nothing to lose, and hands it to whoever provides the service
 * "speech". What that says is kept until it has been shown, so that nothing is paid for twice.
 */
#include "audio.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <aisha/aisha.h>
#include <aisha/service/speech.h>

enum {
    TELEGRAM_MAX_MB = 2000, /* from a local Bot API server; 20 from Telegram's own */
    DECODE_TIMEOUT_MS = 3 * 60 * 1000,
    MP3_BYTES = 24 << 20, /* what transcription services take */
    LONG_TEXT = 3500,     /* characters; more is sent as a file */
    PREVIEW = 600,
    MAX_TEXT_BYTES = 4 << 20,
    TEXT_KEPT_S = 7 * 24 * 3600, /* should nobody delete it */
    JOB_TIMEOUT_S = 40 * 60,
    ROUNDED_MS = 999, /* of a recording are never charged */
};

struct config {
    int64_t max_mb, max_minutes;
};

/* What a message carries, whatever kind it is. */
struct recording {
    const char *file_id;
    const char *name;
    int64_t size_bytes, duration_s; /* 0 = not told */
};

/* ---- what is shown ---- */

/* Why there is no text; who was to pay for it reads that they do not. */
static AISHA_ASYNC int explain(struct aisha_ctx *ctx, const struct order *order, const char *html)
{
    if (order->held)
        html = aisha_concat(ctx, html, "\n\n", aisha_t(ctx, "not_charged"), NULL);
    return aisha_screen(ctx, .html = html, .is_quoting = true);
}

static AISHA_ASYNC int show_too_big(struct aisha_ctx *ctx, const struct order *order)
{
    const struct config *config = aisha_config(ctx);

    return explain(ctx, order, aisha_t(ctx, "too_big", AISHA_ARG("mb", config->max_mb)));
}

static AISHA_ASYNC int show_too_long(struct aisha_ctx *ctx, const struct order *order)
{
    const struct config *config = aisha_config(ctx);

    return explain(ctx, order, aisha_t(ctx, "too_long", AISHA_ARG("n", config->max_minutes)));
}

/* Bytes of the first so many characters. */
static size_t characters(const char *text, size_t count)
{
    size_t bytes = 0;

    while (text[bytes] && count > 0) {
        bytes++;
        while ((text[bytes] & 0xC0) == 0x80) /* the rest of the character */
            bytes++;
        count--;
    }
    return bytes;
}

static const char *trimmed(struct aisha_ctx *ctx, const char *text)
{
    static const char space[] = " \t\r\n";
    size_t length;

    text += strspn(text, space);
    length = strlen(text);
    while (length > 0 && strchr(space, text[length - 1]))
        length--;
    return aisha_printf(ctx, "%.*s", (int)length, text);
}

/* The recording's name with another ending. */
static const char *text_file_name(struct aisha_ctx *ctx, const char *name)
{
    const char *dot = strrchr(name, '.');

    if (!*name || dot == name)
        return aisha_t_plain(ctx, "file_name");
    return aisha_printf(ctx, "%.*s.txt", (int)(dot ? dot - name : (ptrdiff_t)strlen(name)), name);
}

static AISHA_ASYNC int send_file(struct aisha_ctx *ctx, struct order *order, const char *text)
{
    if (order->is_file_sent)
        return 0;
    int r = aisha_reply(ctx,
                        .document = AISHA_FILE(.bytes = text, .bytes_size = strlen(text),
                                               .file_name = text_file_name(ctx, order->name),
                                               .mime_type = "text/plain"),
                        .is_quoting = true);
    if (r < 0)
        return r;
    order->is_file_sent = true;
    return aisha_job_save(ctx, order, NULL, 0);
}

static AISHA_ASYNC int show_text(struct aisha_ctx *ctx, struct order *order, const char *text)
{
    if (!text[characters(text, LONG_TEXT)])
        return aisha_screen(ctx, .text = text, .is_quoting = true);
    int r = send_file(ctx, order, text);
    if (r < 0)
        return r;
    const char *start = aisha_printf(ctx, "%.*s", (int)characters(text, PREVIEW), text);
    return aisha_screen(ctx, .html = aisha_t(ctx, "in_file", AISHA_ARG("start", start)));
}

/* And takes what that costs. */
static AISHA_ASYNC int deliver(struct aisha_ctx *ctx, struct order *order, const char *text)
{
    text = trimmed(ctx, text);
    if (!*text)
        return explain(ctx, order, aisha_t(ctx, "nothing_said"));
    int r = show_text(ctx, order, text);
    return r < 0 ? r : audio_collect(ctx, order);
}

/* ---- from the recording to the text ---- */

static AISHA_ASYNC int explain_download(struct aisha_ctx *ctx, const struct order *order, int r)
{
    switch (-r) {
    case AISHA_E_LIMIT:
        return show_too_big(ctx, order);
    case AISHA_E_TELEGRAM:
    case AISHA_E_UPSTREAM:
    case AISHA_E_TIMEOUT:
    case AISHA_E_UNAVAILABLE:
        aisha_log(ctx, AISHA_LOG_WARN, "download failed: %s", aisha_error_text(r));
        return explain(ctx, order, aisha_t(ctx, "no_download"));
    default:
        return r;
    }
}

static AISHA_ASYNC int explain_decoding(struct aisha_ctx *ctx, const struct order *order, int r,
                                        const struct aisha_helper_result *result)
{
    if (r != -AISHA_E_CANCELED)
        aisha_log(ctx, AISHA_LOG_INFO, "cannot be decoded: %s", result->error);
    switch (-r) {
    case AISHA_E_NOT_FOUND:
        return explain(ctx, order, aisha_t(ctx, "no_sound"));
    case AISHA_E_LIMIT:
        return show_too_long(ctx, order);
    case AISHA_E_INVALID:
    case AISHA_E_TIMEOUT:
        return explain(ctx, order, aisha_t(ctx, "unreadable"));
    default:
        return r;
    }
}

static AISHA_ASYNC int explain_speech(struct aisha_ctx *ctx, const struct order *order, int r)
{
    switch (-r) {
    case AISHA_E_INVALID:
        return explain(ctx, order, aisha_t(ctx, "unreadable"));
    case AISHA_E_LIMIT:
        return show_too_long(ctx, order);
    case AISHA_E_DENIED:
        return explain(ctx, order, aisha_t(ctx, "out_of_service"));
    case AISHA_E_UPSTREAM:
    case AISHA_E_UNAVAILABLE:
    case AISHA_E_TIMEOUT:
        return explain(ctx, order, aisha_t(ctx, "later"));
    default:
        return r;
    }
}

/* Where the text is until it has been shown. */
static const char *text_key(struct aisha_ctx *ctx)
{
    return aisha_printf(ctx, "texts/%s", aisha_job_id(ctx));
}

/* By what was decoded: Telegram's number is the sender's, and rounded. AUDIO_OFFERED. */
static AISHA_ASYNC int settle_price(struct aisha_ctx *ctx, struct order *order, int64_t duration_ms)
{
    order->seconds = duration_ms > ROUNDED_MS ? (duration_ms - ROUNDED_MS) / 1000 : 0;
    int r = audio_offer(ctx, order, order->seconds);
    if (r != 0 || !order->held)
        return r;
    return aisha_job_save(ctx, order, NULL, 0);
}

static AISHA_ASYNC int transcribe(struct aisha_ctx *ctx, struct order *order)
{
    const struct config *config = aisha_config(ctx);
    const struct aisha_helper_result *decoded;
    const struct aisha_speech_result *speech;
    const char *source, *mp3 = aisha_temp_path(ctx, ".mp3");
    int64_t duration_ms = 0;

    int r = aisha_progress(ctx, .key = "fetching");
    if (r < 0)
        return r;
    r = aisha_download(ctx, order->file_id, config->max_mb << 20, &source);
    if (r < 0)
        return explain_download(ctx, order, r);
    r = aisha_run_helper(ctx, &decoded, .name = "decode",
                         .args = aisha_printf(ctx, "%" PRId64, config->max_minutes * 60),
                         .input_path = source, .output_path = mp3, .timeout_ms = DECODE_TIMEOUT_MS,
                         .max_output_bytes = MP3_BYTES);
    if (r < 0)
        return explain_decoding(ctx, order, r, decoded);
    if (sscanf(decoded->report, "duration_ms=%" SCNd64, &duration_ms) != 1 || duration_ms < 0)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the helper did not report a duration");
    r = settle_price(ctx, order, duration_ms);
    if (r != 0)
        return r < 0 ? r : 0;
    r = aisha_progress(ctx, .key = "listening");
    if (r < 0)
        return r;
    r = aisha_speech_transcribe(ctx, &speech, .path = mp3, .duration_ms = duration_ms);
    if (r < 0)
        return explain_speech(ctx, order, r);
    r = aisha_blob_save(ctx, .key = text_key(ctx), .bytes = speech->text,
                        .bytes_size = strlen(speech->text), .expires_in_s = TEXT_KEPT_S);
    return r < 0 ? r : deliver(ctx, order, speech->text);
}

/* What it cost may have gone back meanwhile. */
static AISHA_ASYNC int deliver_again(struct aisha_ctx *ctx, struct order *order, const char *text)
{
    int r = order->held ? audio_offer(ctx, order, order->seconds) : 0;

    if (r == AUDIO_OFFERED)
        return 0;
    return r < 0 ? r : deliver(ctx, order, text);
}

static AISHA_ASYNC int run_transcribe(struct aisha_ctx *ctx)
{
    struct order order;
    const void *text;
    size_t size;

    int r = aisha_job_data(ctx, &order);
    if (r < 0)
        return r;
    aisha_chat_action(ctx, "typing");
    r = aisha_blob_get(ctx, text_key(ctx), MAX_TEXT_BYTES, &text, &size);
    if (r == 0)
        r = deliver_again(ctx, &order, aisha_printf(ctx, "%.*s", (int)size, (const char *)text));
    else if (r == -AISHA_E_NOT_FOUND)
        r = transcribe(ctx, &order);
    return r < 0 ? r : aisha_blob_delete(ctx, text_key(ctx));
}

static AISHA_ASYNC int give_up(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    if (r == 0)
        r = aisha_blob_delete(ctx, text_key(ctx));
    if (r < 0)
        return r;
    return explain(ctx, &order,
                   aisha_job_is_cancelled(ctx) ? aisha_t(ctx, "cancelled")
                                               : aisha_t(ctx, "failed"));
}

/* By a job, since the quote is kept before it is shown: whatever is killed in between, the person
 * hears of the recording. */
static AISHA_ASYNC int run_offer(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_job_data(ctx, &order);
    if (r == 0)
        r = audio_offer(ctx, &order, order.seconds);
    if (r != 0)
        return r < 0 ? r : 0;
    aisha_job_done(ctx, NULL);
    return aisha_job_enqueue(ctx, NULL, .kind = "transcribe", AISHA_DATA(order));
}

/* Looks at what Telegram says of it, and leaves the rest to jobs. */
static AISHA_ASYNC int accept(struct aisha_ctx *ctx, const struct recording *recording)
{
    const struct config *config = aisha_config(ctx);
    struct order order = {0};

    if (recording->size_bytes > config->max_mb << 20)
        return show_too_big(ctx, &order);
    if (recording->duration_s > config->max_minutes * 60)
        return show_too_long(ctx, &order);
    int length = snprintf(order.file_id, sizeof order.file_id, "%s", recording->file_id);
    if (length >= MAX_FILE_ID)
        return aisha_fail(ctx, -AISHA_E_INVALID, "a file_id of %d bytes", length);
    const char *name = recording->name ? recording->name : "";
    if (strlen(name) < sizeof order.name) /* else the text's file gets a name of ours */
        snprintf(order.name, sizeof order.name, "%s", name);
    order.seconds = recording->duration_s;
    return aisha_job_enqueue(ctx, NULL, .kind = "offer", AISHA_DATA(order));
}

/* ---- kinds of messages ---- */

/* In groups people talk to each other. */
static bool is_for_us(struct aisha_ctx *ctx)
{
    return strcmp(aisha_message(ctx)->chat->type, "private") == 0;
}

static AISHA_ASYNC int on_voice(struct aisha_ctx *ctx)
{
    const struct aisha_voice *voice = aisha_message(ctx)->voice;

    if (!is_for_us(ctx))
        return AISHA_PASS;
    return accept(ctx, &(const struct recording){.file_id = voice->file_id,
                                                 .size_bytes = voice->file_size,
                                                 .duration_s = voice->duration});
}

static AISHA_ASYNC int on_audio(struct aisha_ctx *ctx)
{
    const struct aisha_audio *audio = aisha_message(ctx)->audio;

    if (!is_for_us(ctx))
        return AISHA_PASS;
    return accept(ctx, &(const struct recording){.file_id = audio->file_id,
                                                 .name = audio->file_name,
                                                 .size_bytes = audio->file_size,
                                                 .duration_s = audio->duration});
}

static AISHA_ASYNC int on_video_note(struct aisha_ctx *ctx)
{
    const struct aisha_video_note *note = aisha_message(ctx)->video_note;

    if (!is_for_us(ctx))
        return AISHA_PASS;
    return accept(ctx, &(const struct recording){.file_id = note->file_id,
                                                 .size_bytes = note->file_size,
                                                 .duration_s = note->duration});
}

static AISHA_ASYNC int on_video(struct aisha_ctx *ctx)
{
    const struct aisha_video *video = aisha_message(ctx)->video;

    if (!is_for_us(ctx))
        return AISHA_PASS;
    return accept(ctx, &(const struct recording){.file_id = video->file_id,
                                                 .name = video->file_name,
                                                 .size_bytes = video->file_size,
                                                 .duration_s = video->duration});
}

/* By its type, or when the sender's system knew none, by its name. */
static bool is_recording(const struct aisha_document *document)
{
    static const char *const endings[] = {".aac", ".amr",  ".caf", ".flac", ".m4a", ".mka",
                                          ".mp3", ".oga",  ".ogg", ".opus", ".wav", ".wma",
                                          ".mp4", ".webm", ".mkv", ".mov",  ".3gp", ".aiff"};
    const char *type = document->mime_type ? document->mime_type : "";
    const char *dot = document->file_name ? strrchr(document->file_name, '.') : NULL;

    if (strncasecmp(type, "audio/", 6) == 0 || strncasecmp(type, "video/", 6) == 0)
        return true;
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static AISHA_ASYNC int on_document(struct aisha_ctx *ctx)
{
    const struct aisha_document *document = aisha_message(ctx)->document;

    if (!is_for_us(ctx) || !is_recording(document))
        return AISHA_PASS;
    return accept(ctx, &(const struct recording){.file_id = document->file_id,
                                                 .name = document->file_name,
                                                 .size_bytes = document->file_size});
}

/* The menu's button: what to do. */
static AISHA_ASYNC int show_intro(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .key = "menu", .plugin = "home", .callback = "menu");
    return aisha_screen(ctx,
                        .html = aisha_t(ctx, "intro", AISHA_ARG("mb", config->max_mb),
                                        AISHA_ARG("n", config->max_minutes)),
                        .keyboard = keyboard);
}

static const struct aisha_message_route messages[] = {
    {.field = "voice", .run = on_voice},           {.field = "audio", .run = on_audio},
    {.field = "video_note", .run = on_video_note}, {.field = "video", .run = on_video},
    {.field = "document", .run = on_document},
};

static const struct aisha_job_kind jobs[] = {
    {.name = "offer",
     .run = run_offer,
     .attempts = 2,
     .data_size = sizeof(struct order),
     .is_serial = true},
    {.name = "transcribe",
     .run = run_transcribe,
     .failed = give_up,
     .data_size = sizeof(struct order),
     .timeout_s = JOB_TIMEOUT_S,
     .is_serial = true,
     .is_cancellable = true},
};

static const struct aisha_command commands[] = {
    {.name = "transcribe", .summary = "@summary", .run = show_intro, .scope = AISHA_SCOPE_PRIVATE},
};

static const struct aisha_callback callbacks[] = {
    {.name = "intro", .run = show_intro},
    {.name = "pay", .run = on_pay, .payload_size = sizeof(struct aisha_uuid)},
    {.name = "decline", .run = on_decline, .payload_size = sizeof(struct aisha_uuid)},
    {.name = "resume", .run = on_resume, .version = 1, .payload_size = sizeof(struct aisha_uuid)},
};

static const struct aisha_menu_entry menu[] = {
    {.text = "@menu_entry", .callback = "intro", .order = 30, .scope = AISHA_SCOPE_PRIVATE},
};

static const struct aisha_helper_row helpers[] = {
    {.name = "decode", .object = "audio_decode"},
};

static const struct aisha_requirement requirements[] = {
    {.name = "speech"},
    {.name = "home"},
    {.name = "billing", .is_optional = true},
};

static const struct aisha_option options[] = {
    AISHA_OPTION(
        struct config, max_mb, .value = "20", .min = 1, .max = TELEGRAM_MAX_MB,
        .summary = "the largest recording; Telegram gives bots 20 MB, a local Bot API server 2000"),
    AISHA_OPTION(struct config, max_minutes, .value = "120", .min = 1, .max = 120,
                 .summary = "the longest recording"),
};

AISHA_PLUGIN(.name = "audio", .version = "1.0", .summary = "Transcribes voice notes and recordings",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .messages = AISHA_TABLE(messages), .menu = AISHA_TABLE(menu),
             .jobs = AISHA_TABLE(jobs), .helpers = AISHA_TABLE(helpers),
             .requires = AISHA_TABLE(requirements))
