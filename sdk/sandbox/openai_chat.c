/*
 * Chat completions. What a model says is what a test has scripted, what the request's schema asks for,
 * or what went in: the last text of the user, and the pictures with their sizes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/openai.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_NAME = 64, MOST_CHOICES = 128, IMAGE_TOKENS = 85, LONGEST_ECHO = 2000 };

struct chat {
    struct openai_call *call;
    struct arena *arena;
    const cJSON *body;
    const struct openai_model *model;
    const char *last_text; /* of the user */
    const char *pictures;  /* ", a picture of 640x480", for each */
    bool says_json;        /* somewhere */
    int64_t tokens;
};

/* What a model says. */
struct reply {
    const char *content, *refusal; /* NULL = null */
    const char *finish_reason;
};

static AISHA_ASYNC bool refuse(struct chat *chat, const char *param, const char *code,
                               const char *message)
{
    return openai_fail(chat->call, 400, param, code, message);
}

/* ---- messages ---- */

static void read_text(struct chat *chat, const char *role, const char *text)
{
    chat->tokens += openai_tokens(text);
    chat->says_json |= strcasestr(text, "json") != NULL;
    if (strcmp(role, "user") == 0)
        chat->last_text = text;
}

static AISHA_ASYNC bool read_part(struct chat *chat, const char *role, const cJSON *part,
                                  const char *where)
{
    const char *type = json_get_text(part, "type"), *text = json_get_text(part, "text");
    const cJSON *image_url = json_get(part, "image_url");
    const char *url = json_get_text(image_url, "url"), *detail = json_get_text(image_url, "detail");
    struct openai_image image;

    if (type && text && strcmp(type, "text") == 0) {
        read_text(chat, role, text);
        return true;
    }
    if (!type || !url || strcmp(type, "image_url") != 0)
        return refuse(chat, where, "invalid_value", "Invalid content part.");
    if (detail && !strstr(" auto low high original ", arena_printf(chat->arena, " %s ", detail)))
        return refuse(chat, where, "invalid_value",
                      "Invalid value: supported values are: 'auto', 'low', and 'high'.");
    if (!openai_look(chat->call, url, &image))
        return false;
    chat->tokens += IMAGE_TOKENS;
    chat->pictures = arena_printf(chat->arena, "%s, a picture of %dx%d", chat->pictures,
                                  image.width, image.height);
    return true;
}

static AISHA_ASYNC bool read_message(struct chat *chat, const cJSON *message, int index)
{
    const char *role = json_get_text(message, "role");
    const cJSON *content = json_get(message, "content"), *part;
    const char *where = arena_printf(chat->arena, "messages[%d]", index);

    if (!role ||
        !strstr(" developer system user assistant tool ", arena_printf(chat->arena, " %s ", role)))
        return refuse(chat, arena_printf(chat->arena, "%s.role", where), "invalid_value",
                      "Invalid value: supported values are: 'system', 'assistant', 'user', "
                      "'developer', and 'tool'.");
    if (cJSON_IsString(content)) {
        read_text(chat, role, content->valuestring);
        return true;
    }
    if (!cJSON_IsArray(content))
        return strcmp(role, "assistant") == 0 ||
               refuse(chat, arena_printf(chat->arena, "%s.content", where), "invalid_type",
                      "Invalid type for content: expected a string or an array of objects.");
    cJSON_ArrayForEach(part, content) {
        if (!read_part(chat, role, part, where))
            return false;
    }
    return true;
}

static AISHA_ASYNC bool read_messages(struct chat *chat)
{
    const cJSON *messages = json_get(chat->body, "messages"), *message;
    int index = 0;

    if (!cJSON_IsArray(messages) || !messages->child)
        return refuse(chat, "messages", messages ? "empty_array" : "missing_required_parameter",
                      messages ? "Invalid 'messages': expected a non-empty array."
                               : "Missing required parameter: 'messages'.");
    cJSON_ArrayForEach(message, messages) {
        if (!read_message(chat, message, index++))
            return false;
    }
    return true;
}

/* ---- parameters ---- */

static const struct range {
    const char *name;
    double least, most;
    bool is_whole;
} ranges[] = {
    {"temperature", 0, 2, false},
    {"top_p", 0, 1, false},
    {"presence_penalty", -2, 2, false},
    {"frequency_penalty", -2, 2, false},
    {"n", 1, MOST_CHOICES, true},
    {"max_tokens", 1, 1e9, true},
    {"max_completion_tokens", 1, 1e9, true},
};

static AISHA_ASYNC bool check_numbers(struct chat *chat)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const cJSON *value = json_get(chat->body, ranges[i].name);
        if (!value || cJSON_IsNull(value))
            continue;
        if (!cJSON_IsNumber(value) || (ranges[i].is_whole && !json_is_int(value)))
            return refuse(chat, ranges[i].name, "invalid_type",
                          arena_printf(chat->arena, "Invalid type for '%s'.", ranges[i].name));
        if (value->valuedouble < ranges[i].least || value->valuedouble > ranges[i].most)
            return refuse(chat, ranges[i].name, "decimal_out_of_range",
                          arena_printf(chat->arena, "Invalid '%s': expected a value from %g to %g.",
                                       ranges[i].name, ranges[i].least, ranges[i].most));
    }
    return true;
}

/* What models that reason do not take. */
static AISHA_ASYNC bool check_reasoning(struct chat *chat)
{
    const cJSON *temperature = json_get(chat->body, "temperature");
    const char *effort = json_get_text(chat->body, "reasoning_effort");
    bool reasons = chat->model->abilities & OPENAI_REASONS;

    if (reasons && json_get(chat->body, "max_tokens"))
        return refuse(chat, "max_tokens", "unsupported_parameter",
                      "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                      "'max_completion_tokens' instead.");
    if (reasons && cJSON_IsNumber(temperature) && temperature->valuedouble != 1)
        return refuse(chat, "temperature", "unsupported_value",
                      "Unsupported value: 'temperature' does not support this value with this "
                      "model. Only the default (1) value is supported.");
    if (effort && !reasons)
        return refuse(chat, "reasoning_effort", "unsupported_parameter",
                      "Unrecognized request argument supplied: reasoning_effort");
    if (effort && !strstr(" none minimal low medium high xhigh max ",
                          arena_printf(chat->arena, " %s ", effort)))
        return refuse(chat, "reasoning_effort", "invalid_value",
                      "Invalid value for 'reasoning_effort'.");
    return true;
}

static bool is_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_-";

    return name && *name && strlen(name) <= LONGEST_NAME && !name[strspn(name, allowed)];
}

static AISHA_ASYNC bool check_schema(struct chat *chat, const cJSON *format)
{
    const char *where = "response_format.json_schema";
    const cJSON *wrapper = json_get(format, "json_schema");
    const char *wrong;

    if (!is_name(json_get_text(wrapper, "name")))
        return refuse(chat, arena_printf(chat->arena, "%s.name", where), "invalid_value",
                      "Invalid 'response_format.json_schema.name'.");
    if (!json_get_bool(wrapper, "strict"))
        return true;
    wrong = openai_check_schema(chat->arena, json_get(wrapper, "schema"));
    return !wrong || refuse(chat, "response_format", NULL,
                            arena_printf(chat->arena, "Invalid schema for response_format '%s': %s",
                                         json_get_text(wrapper, "name"), wrong));
}

static AISHA_ASYNC bool check_format(struct chat *chat)
{
    const cJSON *format = json_get(chat->body, "response_format");
    const char *type = json_get_text(format, "type");

    if (!format || cJSON_IsNull(format) || (type && strcmp(type, "text") == 0))
        return true;
    if (type && strcmp(type, "json_schema") == 0)
        return check_schema(chat, format);
    if (!type || strcmp(type, "json_object") != 0)
        return refuse(chat, "response_format.type", "invalid_value",
                      "Invalid value: supported values are: 'json_object', 'json_schema', and "
                      "'text'.");
    return chat->says_json || refuse(chat, "messages", NULL,
                                     "'messages' must contain the word 'json' in some form, to use "
                                     "'response_format' of type 'json_object'.");
}

/* ---- replies ---- */

static const char *echo(struct chat *chat)
{
    size_t length = strlen(chat->last_text), shown = length < LONGEST_ECHO ? length : LONGEST_ECHO;

    while (shown && ((unsigned char)chat->last_text[shown] & 0xc0) == 0x80)
        shown--; /* not within a character */
    return arena_printf(chat->arena, "[sandbox] %s was told: %.*s%s", chat->model->id, (int)shown,
                        chat->last_text, chat->pictures);
}

static const char *usual_content(struct chat *chat)
{
    const cJSON *format = json_get(chat->body, "response_format");
    const char *type = json_get_text(format, "type");
    const cJSON *schema = json_get(json_get(format, "json_schema"), "schema");

    if (!type || strcmp(type, "text") == 0)
        return echo(chat);
    cJSON *value = json_keep(chat->arena, cJSON_CreateObject());
    if (schema)
        value = json_keep(chat->arena, openai_make_value(schema, echo(chat)));
    else
        json_set_text(value, "answer", echo(chat));
    return json_text(chat->arena, value);
}

/* A scripted one is a text, or {content?, json?, refusal?, finish_reason?}. */
static struct reply next_reply(struct chat *chat)
{
    cJSON *script = cJSON_DetachItemFromArray(chat->call->sandbox->openai.chat, 0);
    struct reply reply = {.finish_reason = "stop"};

    json_keep(chat->arena, script);
    if (cJSON_IsString(script)) {
        reply.content = script->valuestring;
    } else if (script) {
        const cJSON *json = json_get(script, "json");
        const char *reason = json_get_text(script, "finish_reason");
        reply.content = json ? json_text(chat->arena, json) : json_get_text(script, "content");
        reply.refusal = json_get_text(script, "refusal");
        reply.finish_reason = reason ? reason : reply.finish_reason;
    } else {
        reply.content = usual_content(chat);
    }
    return reply;
}

/* No longer than it may be. */
static void cut(struct chat *chat, struct reply *reply)
{
    int64_t most = json_get_int(chat->body, "max_completion_tokens",
                                json_get_int(chat->body, "max_tokens", INT32_MAX));

    if (!reply->content || openai_tokens(reply->content) <= most)
        return;
    size_t size = (size_t)most * 4;
    while (size && ((unsigned char)reply->content[size] & 0xc0) == 0x80)
        size--; /* not within a character */
    reply->content = arena_strndup(chat->arena, reply->content, size);
    reply->finish_reason = "length";
}

static cJSON *text_or_null(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

/* The answer without its choices. */
static cJSON *begin(struct chat *chat, const char *object)
{
    cJSON *body = json_keep(chat->arena, cJSON_CreateObject());

    json_set_text(body, "id", openai_id(chat->call, "chatcmpl"));
    json_set_text(body, "object", object);
    json_set_int(body, "created", world_now(chat->call->sandbox->world));
    json_set_text(body, "model", chat->model->id);
    json_set_text(body, "service_tier", "default");
    return body;
}

static cJSON *make_usage(const struct chat *chat, int64_t out)
{
    cJSON *usage = cJSON_CreateObject();

    json_set_int(usage, "prompt_tokens", chat->tokens);
    json_set_int(usage, "completion_tokens", out);
    json_set_int(usage, "total_tokens", chat->tokens + out);
    return usage;
}

static AISHA_ASYNC void answer(struct chat *chat, int64_t count)
{
    cJSON *body = begin(chat, "chat.completion");
    cJSON *choices = cJSON_AddArrayToObject(body, "choices");
    int64_t out = 0;

    for (int64_t i = 0; i < count; i++) {
        struct reply reply = next_reply(chat);
        cJSON *choice = cJSON_CreateObject(), *message;
        cut(chat, &reply);
        out += reply.content ? openai_tokens(reply.content) : 0;
        json_set_int(choice, "index", i);
        message = cJSON_AddObjectToObject(choice, "message");
        json_set_text(message, "role", "assistant");
        json_set(message, "content", text_or_null(reply.content));
        json_set(message, "refusal", text_or_null(reply.refusal));
        json_set(choice, "logprobs", cJSON_CreateNull());
        json_set_text(choice, "finish_reason", reply.finish_reason);
        cJSON_AddItemToArray(choices, choice);
    }
    json_set(body, "usage", make_usage(chat, out));
    openai_answer_json(chat->call, body);
}

/* ---- in pieces ---- */

/* "data: …" with one choice; delta is taken, and NULL is an empty one. */
static const char *event(struct chat *chat, cJSON *chunk, cJSON *delta, const char *finish_reason)
{
    cJSON *choices = cJSON_CreateArray(), *choice = cJSON_CreateObject();

    json_set_int(choice, "index", 0);
    json_set(choice, "delta", delta ? delta : cJSON_CreateObject());
    json_set(choice, "finish_reason", text_or_null(finish_reason));
    cJSON_AddItemToArray(choices, choice);
    json_set(chunk, "choices", choices);
    return arena_printf(chat->arena, "data: %s\n\n", json_text(chat->arena, chunk));
}

static AISHA_ASYNC void stream(struct chat *chat)
{
    cJSON *chunk = begin(chat, "chat.completion.chunk"), *delta = cJSON_CreateObject();
    struct reply reply = next_reply(chat);

    cut(chat, &reply);
    json_set_text(delta, "role", "assistant");
    json_set_text(delta, "content", "");
    const char *all = event(chat, chunk, delta, NULL);
    const char *rest = reply.content ? reply.content : "";
    while (*rest) {
        size_t size = strcspn(rest, " ") + (rest[strcspn(rest, " ")] == ' ');
        delta = cJSON_CreateObject();
        json_set_text(delta, "content", arena_strndup(chat->arena, rest, size));
        all = arena_printf(chat->arena, "%s%s", all, event(chat, chunk, delta, NULL));
        rest += size;
    }
    if (reply.refusal) {
        delta = cJSON_CreateObject();
        json_set_text(delta, "refusal", reply.refusal);
        all = arena_printf(chat->arena, "%s%s", all, event(chat, chunk, delta, NULL));
    }
    all = arena_printf(chat->arena, "%s%s", all, event(chat, chunk, NULL, reply.finish_reason));
    if (json_get_bool(json_get(chat->body, "stream_options"), "include_usage")) {
        json_set(chunk, "choices", cJSON_CreateArray());
        json_set(chunk, "usage",
                 make_usage(chat, openai_tokens(reply.content ? reply.content : "")));
        all = arena_printf(chat->arena, "%sdata: %s\n\n", all, json_text(chat->arena, chunk));
    }
    openai_answer(chat->call, 200, "text/event-stream",
                  arena_printf(chat->arena, "%sdata: [DONE]\n\n", all));
}

void openai_chat(struct openai_call *call)
{
    struct chat chat = {.call = call,
                        .arena = call->arena,
                        .body = call->params.values,
                        .last_text = "",
                        .pictures = ""};

    chat.model = openai_model(call, json_get_text(chat.body, "model"), OPENAI_CHATS);
    if (!chat.model || !check_numbers(&chat) || !check_reasoning(&chat) || !read_messages(&chat) ||
        !check_format(&chat) || !openai_spend(call, chat.tokens))
        return;
    if (json_get_bool(chat.body, "stream"))
        stream(&chat);
    else
        answer(&chat, json_get_int(chat.body, "n", 1));
}
