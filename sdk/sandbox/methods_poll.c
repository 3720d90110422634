/*
 * Polls and quizzes of the bot.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_QUESTION = 300,
    LONGEST_OPTION = 100,
    LONGEST_EXPLANATION = 200,
    LONGEST_DESCRIPTION = 1024,
    MOST_LINE_FEEDS = 2,
    MOST_OPTIONS = 12,
    MOST_COUNTRIES = 12,
    SHORTEST_S = 5,
    LONGEST_S = 2628000,
};

/* In questions and answers only custom emoji keep their formatting. */
static void keep_emoji(cJSON *entities)
{
    for (cJSON *entity = entities->child, *next; entity; entity = next) {
        next = entity->next;
        if (strcmp(json_get_text(entity, "type"), "custom_emoji") != 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(entities, entity));
    }
}

static int read_question(struct call *call, cJSON *poll)
{
    struct formatted question;

    int r = call_format(call, call->params.values, "question", "question_parse_mode",
                        "question_entities", &question);
    if (r < 0)
        return r;
    if (!*question.text)
        return call_refuse(call, "text must be non-empty");
    if (utf8_length(question.text) > LONGEST_QUESTION)
        return call_refuse(call, "poll question length must not exceed %d", LONGEST_QUESTION);
    keep_emoji(question.entities);
    message_set_text(poll, "question", "question_entities", &question);
    return 0;
}

/* A text of its own is an option, too. */
static int read_option(struct call *call, const cJSON *given, cJSON *option)
{
    cJSON *plain = json_keep(call->arena, cJSON_CreateObject());
    struct formatted text;

    if (cJSON_IsString(given))
        json_set_text(plain, "text", given->valuestring);
    int r = call_format(call, cJSON_IsString(given) ? plain : given, "text", "text_parse_mode",
                        "text_entities", &text);
    if (r < 0)
        return r;
    if (!*text.text)
        return call_refuse(call, "text must be non-empty");
    if (utf8_length(text.text) > LONGEST_OPTION)
        return call_refuse(call, "poll options length must not exceed %d", LONGEST_OPTION);
    keep_emoji(text.entities);
    message_set_text(option, "text", "text_entities", &text);
    return 0;
}

static int read_options(struct call *call, cJSON *poll)
{
    const cJSON *given = call_get(call, "options"), *each;
    cJSON *options = cJSON_AddArrayToObject(poll, "options");

    if (!cJSON_GetArraySize(given))
        return call_refuse(call, "poll must have at least one answer option");
    if (cJSON_GetArraySize(given) > MOST_OPTIONS)
        return call_refuse(call, "poll can't have more than %d options", MOST_OPTIONS);
    cJSON_ArrayForEach(each, given) {
        cJSON *option = cJSON_CreateObject();
        cJSON_AddItemToArray(options, option);
        int r = read_option(call, each, option);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The correct options of a quiz; the old parameter names one. */
static int read_correct(struct call *call, cJSON *poll)
{
    const cJSON *ids = call_get(call, "correct_option_ids"), *id;
    const cJSON *old = call_get(call, "correct_option_id");
    int count = cJSON_GetArraySize(json_get(poll, "options"));
    double last = -1;

    if (!ids && old) {
        cJSON *list = json_keep(call->arena, cJSON_CreateArray());
        cJSON_AddItemToArray(list, cJSON_Duplicate(old, true));
        ids = list;
    }
    if (!cJSON_GetArraySize(ids))
        return call_refuse(call, "correct quiz option list must be non-empty");
    cJSON_ArrayForEach(id, ids) {
        if (!json_is_int(id) || id->valuedouble < 0 || id->valuedouble >= count)
            return call_refuse(call, "wrong quiz correct_option_id");
        if (id->valuedouble <= last)
            return call_refuse(call, "correct quiz option list must be increasing");
        last = id->valuedouble;
    }
    json_set_copy(poll, "correct_option_ids", ids);
    return 0;
}

static int read_quiz(struct call *call, cJSON *poll)
{
    struct formatted explanation;
    int line_feeds = 0;

    int r = call_format(call, call->params.values, "explanation", "explanation_parse_mode",
                        "explanation_entities", &explanation);
    if (r == 0)
        r = read_correct(call, poll);
    if (r < 0)
        return r;
    for (const char *c = explanation.text; *c; c++)
        line_feeds += *c == '\n';
    if (utf8_length(explanation.text) > LONGEST_EXPLANATION || line_feeds > MOST_LINE_FEEDS)
        return call_refuse(call, "MESSAGE_TOO_LONG");
    message_set_text(poll, "explanation", "explanation_entities", &explanation);
    return 0;
}

static int read_description(struct call *call, cJSON *poll)
{
    struct formatted description;

    int r = call_format(call, call->params.values, "description", "description_parse_mode",
                        "description_entities", &description);
    if (r == 0 && utf8_length(description.text) > LONGEST_DESCRIPTION)
        r = call_refuse(call, "message caption is too long");
    if (r == 0)
        message_set_text(poll, "description", "description_entities", &description);
    return r;
}

/* When it closes by itself: said as a length of time or as a date, and kept as both. */
static int read_end(struct call *call, cJSON *poll)
{
    int64_t now = world_now(call->sandbox->world);
    int64_t period = call_int(call, "open_period", 0), date = call_int(call, "close_date", 0);

    if (!period && !date)
        return 0;
    if (!period)
        period = date - now;
    if (period < SHORTEST_S || period > LONGEST_S)
        return call_refuse(call, "POLL_CLOSE_DATE_INVALID");
    json_set_int(poll, "open_period", period);
    json_set_int(poll, "close_date", now + period);
    return 0;
}

static bool bool_or(const struct call *call, const char *name, bool missing)
{
    return call_get(call, name) ? call_bool(call, name) : missing;
}

static int read_poll(struct call *call, cJSON *poll)
{
    const char *type = call_text(call, "type");
    bool is_quiz = type && strcmp(type, "quiz") == 0;
    bool is_anonymous = bool_or(call, "is_anonymous", true);

    int r = read_question(call, poll);
    if (r == 0)
        r = read_options(call, poll);
    if (r == 0 && type && *type && !is_quiz && strcmp(type, "regular") != 0)
        r = call_refuse(call, "unsupported poll type specified");
    if (r == 0 && is_quiz)
        r = read_quiz(call, poll);
    if (r == 0)
        r = read_description(call, poll);
    if (r == 0)
        r = read_end(call, poll);
    if (r < 0)
        return r;
    if (call_bool(call, "allow_adding_options") && (is_anonymous || is_quiz))
        return call_refuse(call, "POLL_OPTION_ADD_NOT_ALLOWED");
    if ((call_bool(call, "members_only") || cJSON_GetArraySize(call_get(call, "country_codes"))))
        return call_refuse(call, "polls with restricted voters can be sent only to channel chats");
    json_set_bool(poll, "is_closed", call_bool(call, "is_closed"));
    json_set_bool(poll, "is_anonymous", is_anonymous);
    json_set_text(poll, "type", is_quiz ? "quiz" : "regular");
    json_set_bool(poll, "allows_multiple_answers", call_bool(call, "allows_multiple_answers"));
    json_set_bool(poll, "allows_revoting", bool_or(call, "allows_revoting", !is_quiz));
    json_set_bool(poll, "members_only", false);
    return 0;
}

static AISHA_ASYNC int send_poll(struct call *call)
{
    cJSON *poll = json_keep(call->arena, cJSON_CreateObject()), *message;

    int r = read_poll(call, poll);
    if (r == 0)
        r = call_new_message(call, &message);
    if (r < 0)
        return r;
    poll_add(call->sandbox, call->arena, poll, true);
    json_set_copy(message, "poll", poll);
    call_send(call, message);
    poll_shown(call->sandbox, call->arena, message);
    return 0;
}

static int stop_poll(struct call *call)
{
    const cJSON *keyboard;
    cJSON *message;

    int r = call_message(call, "message with poll to stop", &message);
    if (r == 0)
        r = call_markup(call, &keyboard);
    if (r < 0)
        return r;
    const char *id = json_get_text(json_get(message, "poll"), "id");
    if (!id)
        return call_refuse(call, "message is not a poll");
    if (!message_is_own(message) || json_get(message, "forward_origin"))
        return call_refuse(call, "poll can't be stopped");
    const cJSON *poll = poll_find(call->sandbox, call->arena, id);
    if (!poll || json_get_bool(poll, "is_closed"))
        return call_refuse(call, "poll has already been closed");
    cJSON_DeleteItemFromObjectCaseSensitive(message, "reply_markup");
    json_set_copy(message, "reply_markup", keyboard);
    world_save_message(call->sandbox->world, call->arena, message);
    poll_stop(call->sandbox, call->arena, id);
    call->result = poll_find(call->sandbox, call->arena, id);
    return 0;
}

const struct method poll_methods[] = {
    {"sendPoll", send_poll},
    {"stopPoll", stop_poll},
    {0},
};
