#include "reply.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/aisha.h>

/* ---- errors ---- */

/* By the type of an item of "detail", or by "error_type"; a "*" at the end stands for the rest. */
static const struct {
    const char *type;
    enum aisha_cause cause;
} types[] = {
    {"content_policy_violation", AISHA_CAUSE_CONTENT_POLICY},
    {"no_media_generated", AISHA_CAUSE_CONTENT_POLICY},
    {"face_detection_error", AISHA_CAUSE_NO_FACE},
    {"image_*", AISHA_CAUSE_BAD_IMAGE},
    {"file_*", AISHA_CAUSE_BAD_IMAGE},
    {"unsupported_*", AISHA_CAUSE_BAD_IMAGE},
    {"internal_*", AISHA_CAUSE_PROVIDER},
    {"generation_timeout", AISHA_CAUSE_PROVIDER},
    {"downstream_*", AISHA_CAUSE_PROVIDER},
    {"runner_*", AISHA_CAUSE_PROVIDER},
    {"request_timeout", AISHA_CAUSE_PROVIDER},
    {"startup_timeout", AISHA_CAUSE_PROVIDER},
    {"client_*", AISHA_CAUSE_PROVIDER},
};

/* What a text of an error says, where it has no type. */
static const struct {
    int status;
    const char *part;
    enum aisha_cause cause;
} texts[] = {
    {403, "balance", AISHA_CAUSE_OUT_OF_FUNDS},
    {403, "is locked", AISHA_CAUSE_OUT_OF_FUNDS},
    {403, "policy", AISHA_CAUSE_CONTENT_POLICY},
    {403, "content", AISHA_CAUSE_CONTENT_POLICY},
    {402, "", AISHA_CAUSE_OUT_OF_FUNDS},
    {401, "", AISHA_CAUSE_OURS},
    {403, "", AISHA_CAUSE_OURS},
    {400, "", AISHA_CAUSE_OURS},
    {422, "", AISHA_CAUSE_OURS},
};

static bool fits(const char *type, const char *pattern)
{
    size_t length = strlen(pattern);

    if (pattern[length - 1] == '*')
        return strncmp(type, pattern, length - 1) == 0;
    return strcmp(type, pattern) == 0;
}

static enum aisha_cause cause_of_type(const char *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (fits(type, types[i].type))
            return types[i].cause;
    return AISHA_CAUSE_OURS; /* a value that it does not accept */
}

static enum aisha_cause cause_of_text(int status, const char *text)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status && strcasestr(text, texts[i].part))
            return texts[i].cause;
    return AISHA_CAUSE_PROVIDER;
}

/* Only what cannot be somebody's words: letters, digits and what joins them, cut. */
static const char *word(struct aisha_ctx *ctx, const char *text)
{
    char *copy = aisha_printf(ctx, "%.60s", text ? text : "");

    for (char *at = copy; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("_.-", *at))
            *at = '?';
    return copy;
}

static struct reply_error typed_error(struct aisha_ctx *ctx, int status, const char *type,
                                      const char *place)
{
    bool is_of_lora = place && strcmp(place, "loras") == 0;

    return (struct reply_error){
        .cause = is_of_lora ? AISHA_CAUSE_PROVIDER : cause_of_type(type),
        .reason = aisha_printf(ctx, "%s%s%s (%d)", word(ctx, type), place ? " in " : "",
                               place ? word(ctx, place) : "", status),
        .is_of_run = true,
        .is_stopped = strcmp(type, "client_cancelled") == 0,
        .is_about_a_lora = is_of_lora && fits(type, "file_*"),
    };
}

struct reply_error reply_error(struct aisha_ctx *ctx, int status, const struct aisha_json *body)
{
    const char *type = aisha_json_text(body, "detail[0].type");
    const char *infrastructure = aisha_json_text(body, "error_type");
    const char *detail = aisha_json_text(body, "detail");

    if (type)
        return typed_error(ctx, status, type, aisha_json_text(body, "detail[0].loc[1]"));
    if (infrastructure)
        return typed_error(ctx, status, infrastructure, NULL);
    return (struct reply_error){
        .cause = cause_of_text(status, detail ? detail : ""),
        .reason = aisha_printf(ctx, "status %d", status),
        .is_gone = status == 404 || status == 410,
    };
}

/* ---- the queue ---- */

static const char *bounded(const char *text, size_t most)
{
    return text && *text && strlen(text) <= most ? text : NULL;
}

bool reply_accepted(const struct aisha_json *body, struct reply_accepted *ret)
{
    const char *id = bounded(aisha_json_text(body, "request_id"), REPLY_ID_MOST);

    if (!id)
        return false;
    *ret = (struct reply_accepted){
        .request_id = id,
        .status_url = bounded(aisha_json_text(body, "status_url"), REPLY_URL_MOST),
        .response_url = bounded(aisha_json_text(body, "response_url"), REPLY_URL_MOST),
        .cancel_url = bounded(aisha_json_text(body, "cancel_url"), REPLY_URL_MOST),
        .ahead =
            aisha_json_at(body, "queue_position") ? aisha_json_int(body, "queue_position") : -1,
    };
    return true;
}

/* "… 45%| …", or "450/1000"; -1. */
static int64_t percent_in(const char *line)
{
    const char *sign = strchr(line, '%'), *at = sign;

    while (at && at > line && isdigit((unsigned char)at[-1]) && sign - at < 3)
        at--;
    if (at && at < sign) {
        long percent = strtol(at, NULL, 10);
        return percent <= 100 ? percent : -1;
    }
    for (const char *slash = strchr(line, '/'); slash; slash = strchr(slash + 1, '/')) {
        for (at = slash; at > line && isdigit((unsigned char)at[-1]) && slash - at < 7;)
            at--;
        long done = strtol(at, NULL, 10), all = strtol(slash + 1, NULL, 10);
        if (at < slash && isdigit((unsigned char)slash[1]) && all > 0 && done <= all)
            return 100 * done / all;
    }
    return -1;
}

/* A line that can be stored and shown on a terminal. */
static const char *clean_line(struct aisha_ctx *ctx, const char *line)
{
    char *copy = aisha_printf(ctx, "%s", line);
    size_t size = 0;

    for (size_t i = 0; copy[i] && size < REPLY_TEXT_MOST; i++)
        copy[size++] = (unsigned char)copy[i] < 0x20 || copy[i] == 0x7f ? ' ' : copy[i];
    while (size > 0 && ((unsigned char)copy[size] & 0xc0) == 0x80)
        size--; /* not within a character */
    copy[size] = '\0';
    return copy;
}

bool reply_status(struct aisha_ctx *ctx, const struct aisha_json *body, struct reply_status *ret)
{
    static const struct {
        const char *name;
        enum fal_event event;
    } states[] = {
        {"IN_QUEUE", FAL_IN_QUEUE}, {"IN_PROGRESS", FAL_IN_PROGRESS}, {"COMPLETED", FAL_DONE}};

    const char *status = aisha_json_text(body, "status");
    size_t lines = aisha_json_count(body, "logs"), i = 0;

    while (status && i < 3 && strcmp(status, states[i].name) != 0)
        i++;
    if (!status || i == 3)
        return false;
    *ret = (struct reply_status){.event = states[i].event, .ahead = -1, .percent = -1, .log = ""};
    if (aisha_json_at(body, "queue_position"))
        ret->ahead = aisha_json_int(body, "queue_position");
    for (size_t back = 1; back <= lines && back <= 20 && ret->percent < 0; back++) {
        const char *line =
            aisha_json_text(body, aisha_printf(ctx, "logs[%zu].message", lines - back));
        if (line && !*ret->log)
            ret->log = clean_line(ctx, line);
        ret->percent = line ? percent_in(line) : -1;
    }
    const char *error = aisha_json_text(body, "error_type");
    if (!error && aisha_json_text(body, "error"))
        error = "error";
    ret->error_type = error ? word(ctx, error) : NULL;
    return true;
}

bool reply_webhook(struct aisha_ctx *ctx, const struct aisha_json *body, struct reply_webhook *ret)
{
    const char *status = aisha_json_text(body, "status");
    const char *error = aisha_json_text(body, "error"), *digits;
    const struct aisha_json *payload = aisha_json_at(body, "payload");
    bool is_good = status && strcmp(status, "OK") == 0;

    *ret = (struct reply_webhook){
        .request_id = bounded(aisha_json_text(body, "request_id"), REPLY_ID_MOST),
        .gateway_request_id = bounded(aisha_json_text(body, "gateway_request_id"), REPLY_ID_MOST),
        .event = is_good ? FAL_DONE : FAL_ERROR,
        .has_payload = aisha_json_name(payload, "", 0) != NULL,
    };
    if (!ret->request_id || !status || (!is_good && strcmp(status, "ERROR") != 0))
        return false;
    if (is_good)
        return true;
    digits = error ? strpbrk(error, "0123456789") : NULL; /* "Invalid status code: 422" */
    ret->error = reply_error(ctx, digits ? (int)strtol(digits, NULL, 10) % 1000 : 500, payload);
    if (ret->error.is_stopped)
        ret->event = FAL_STOPPED;
    return true;
}

/* ---- results ---- */

/* How long the character there is; 0 = it is none. */
static size_t utf8_length(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    unsigned char least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf; /* no surrogates */

    if (at[0] > 0xf4 || (length > 1 && (at[1] < least || at[1] > most)))
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

const char *reply_to_keep(const char *answer)
{
    const unsigned char *at = (const unsigned char *)answer;

    if (strlen(answer) > REPLY_KEPT_MOST)
        return "";
    while (*at) {
        size_t length = utf8_length(at);
        if (length == 0)
            return "";
        at += length;
    }
    return answer;
}

const struct aisha_json *reply_output(const struct aisha_json *answer)
{
    bool is_webhook = aisha_json_text(answer, "request_id") && aisha_json_at(answer, "payload");

    return is_webhook ? aisha_json_at(answer, "payload") : answer;
}

bool reply_weights(const struct aisha_json *output, struct reply_weights *ret)
{
    const char *url = bounded(aisha_json_text(output, "diffusers_lora_file.url"), REPLY_URL_MOST);

    if (!url)
        return false;
    *ret = (struct reply_weights){.url = url,
                                  .bytes = aisha_json_int(output, "diffusers_lora_file.file_size")};
    return true;
}

/* The end of the JSON string that begins at text. */
static const char *string_end(const char *text)
{
    for (text++; *text && *text != '"'; text++)
        if (*text == '\\' && text[1])
            text++;
    return *text ? text + 1 : text;
}

/* The first whole number that is the value of the key, at any depth. */
static bool find_integer(const char *text, const char *key, int64_t *ret)
{
    size_t length = strlen(key);

    for (const char *at = strchr(text, '"'); at; at = strchr(at, '"')) {
        const char *end = string_end(at), *value = end + strspn(end, " \t\r\n");
        bool is_key = (size_t)(end - at) == length + 2 && memcmp(at + 1, key, length) == 0;
        at = end;
        if (!is_key || *value != ':')
            continue;
        value += 1 + strspn(value + 1, " \t\r\n");
        char *last;
        errno = 0;
        long long number = strtoll(value, &last, 10);
        if (last == value || errno || strchr(".eE", *last ? *last : ','))
            return false;
        *ret = number;
        return true;
    }
    return false;
}

bool reply_pictures(const struct aisha_json *output, const char *text, struct reply_pictures *ret)
{
    size_t count = aisha_json_count(output, "images");

    *ret = (struct reply_pictures){0};
    for (size_t i = 0; i < count && i < REPLY_PICTURES_MOST; i++) {
        const struct aisha_json *images = aisha_json_at(output, "images");
        char path[64];
        snprintf(path, sizeof path, "[%zu].url", i);
        const char *url = bounded(aisha_json_text(images, path), REPLY_URL_MOST);
        if (!url)
            return false;
        snprintf(path, sizeof path, "has_nsfw_concepts[%zu]", i);
        ret->pictures[ret->count++] =
            (struct reply_picture){.url = url, .is_flagged = aisha_json_int(output, path) != 0};
    }
    ret->has_seed = find_integer(text, "seed", &ret->seed);
    return ret->count > 0;
}

/* ---- addresses ---- */

/* The length of "scheme://host:port", or 0. Who is let in by it is not to be fooled by "@". */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");

    if (!host || (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0))
        return 0;
    host += 3;
    size_t length = strcspn(host, "/?#");
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr(".-:[]", host[i]))
            return 0;
    return length ? (size_t)(host - url) + length : 0;
}

bool reply_url_is_of(const char *url, const char *base)
{
    size_t length = origin_length(base);

    return length > 0 && origin_length(url) == length && strncasecmp(url, base, length) == 0;
}

bool reply_url_is_listed(const char *url, const char *hosts)
{
    static const char scheme[] = "https://", separators[] = " ,\t\r\n";
    size_t origin = origin_length(url);

    if (origin == 0 || strncasecmp(url, scheme, strlen(scheme)) != 0)
        return false;
    const char *host = url + strlen(scheme);
    size_t size = origin - strlen(scheme);
    for (hosts += strspn(hosts, separators); *hosts; hosts += strspn(hosts, separators)) {
        size_t length = strcspn(hosts, separators);
        bool is_any = length > 2 && hosts[0] == '*' && hosts[1] == '.';
        const char *name = is_any ? hosts + 1 : hosts; /* ".fal.media" */
        size_t tail = is_any ? length - 1 : length;
        if ((is_any ? size > tail : size == tail) &&
            strncasecmp(host + size - tail, name, tail) == 0)
            return true;
        hosts += length;
    }
    return false;
}
