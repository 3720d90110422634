/*
 * Games: any name is one. Its scores are kept per message, as the record {"<user id>": score}.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char kind[] = "game_scores";

static bool is_name(const char *name)
{
    size_t length = strlen(name);

    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return length >= 3 && length <= 30;
}

/* Without a keyboard there is one button that plays. */
static void set_play_button(cJSON *message, const char *name)
{
    cJSON *keyboard = cJSON_CreateObject(), *row = cJSON_CreateArray(), *button;

    cJSON_AddItemToArray(cJSON_AddArrayToObject(keyboard, "inline_keyboard"), row);
    button = cJSON_CreateObject();
    cJSON_AddItemToArray(row, button);
    cJSON_AddStringToObject(button, "text", "Play ");
    json_set_text(button, "text", name);
    cJSON_AddObjectToObject(button, "callback_game");
    json_set(message, "reply_markup", keyboard);
}

static int send_game(struct call *call)
{
    const char *name = call_text(call, "game_short_name");
    const cJSON *keyboard, *row, *first;
    cJSON *message, *game;

    if (!is_name(name))
        return call_refuse(call, "wrong game short name specified");
    int r = call_markup(call, &keyboard);
    if (r < 0)
        return r;
    row = cJSON_GetArrayItem(json_get(keyboard, "inline_keyboard"), 0);
    first = cJSON_GetArrayItem(row, 0);
    if (keyboard && !json_get(first, "callback_game"))
        return call_refuse(call, "REPLY_MARKUP_GAME_EMPTY");
    r = call_new_message(call, &message);
    if (r < 0)
        return r;
    game = cJSON_AddObjectToObject(message, "game");
    json_set_text(game, "title", name);
    json_set_text(game, "description", name);
    cJSON_AddArrayToObject(game, "photo");
    if (!keyboard)
        set_play_button(message, name);
    call_send(call, message);
    return 0;
}

/* The message of the game, and where its scores are. message is NULL for an inline one. */
static int find_game(struct call *call, const char *what, cJSON **ret_message, const char **ret_key)
{
    const char *inline_id = call_text(call, "inline_message_id");
    cJSON *message;

    *ret_message = NULL;
    if (!call_get(call, "chat_id") && !call_get(call, "message_id")) {
        if (!inline_id)
            return call_refuse(call, "message identifier is not specified");
        *ret_key = inline_id;
        return world_record(call->sandbox->world, call->arena, inline_message_kind, inline_id)
                   ? 0
                   : call_refuse(call, "MESSAGE_ID_INVALID");
    }
    int r = call_message(call, what, &message);
    if (r < 0)
        return r;
    if (!json_get(message, "game"))
        return call_refuse(call, "message has no game");
    *ret_message = message;
    *ret_key = arena_printf(call->arena, "%lld:%lld", (long long)call_int(call, "chat_id", 0),
                            (long long)call_int(call, "message_id", 0));
    return 0;
}

static int check_user(struct call *call)
{
    int64_t user_id = call_int(call, "user_id", 0);

    if (user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    if (!world_user(call->sandbox->world, call->arena, user_id))
        return call_refuse(call, "user not found");
    return 0;
}

/* Never NULL. */
static cJSON *load(struct call *call, const char *key)
{
    cJSON *scores = world_record(call->sandbox->world, call->arena, kind, key);

    return scores ? scores : json_keep(call->arena, cJSON_CreateObject());
}

static const char *user_key(struct call *call)
{
    return arena_printf(call->arena, "%lld", (long long)call_int(call, "user_id", 0));
}

static int set_score(struct call *call)
{
    int64_t score = call_int(call, "score", 0);
    const char *key;
    cJSON *message;

    int r = check_user(call);
    if (r == 0)
        r = find_game(call, "message to set game score", &message, &key);
    if (r < 0)
        return r;
    cJSON *scores = load(call, key);
    if (score < 0)
        return call_refuse(call, "BOT_SCORE_NOT_VALID");
    if (json_get(scores, user_key(call)) && !call_bool(call, "force") &&
        score <= json_get_int(scores, user_key(call), 0))
        return call_refuse(call, "BOT_SCORE_NOT_MODIFIED");
    json_set_int(scores, user_key(call), score);
    world_put_record(call->sandbox->world, call->arena, kind, key, scores);
    if (!message)
        return 0;
    if (!call_bool(call, "disable_edit_message")) {
        json_set_int(message, "edit_date", world_now(call->sandbox->world));
        call_publish(call, message, "edit");
    }
    call->result = message;
    return 0;
}

/* The best first. */
static cJSON *take_best(cJSON *scores)
{
    cJSON *best = scores->child, *each;

    cJSON_ArrayForEach(each, scores) {
        if (each->valuedouble > best->valuedouble)
            best = each;
    }
    return best ? cJSON_DetachItemViaPointer(scores, best) : NULL;
}

static int get_scores(struct call *call)
{
    const char *key;
    cJSON *message;

    int r = check_user(call);
    if (r == 0)
        r = find_game(call, "message to get game high scores", &message, &key);
    if (r < 0)
        return r;
    cJSON *scores = load(call, key), *best;
    call->result = json_keep(call->arena, cJSON_CreateArray());
    for (int position = 1; (best = take_best(scores)); position++) {
        cJSON *row = cJSON_CreateObject();
        int64_t user_id = strtoll(best->string, NULL, 10);
        json_set_int(row, "position", position);
        json_set_copy(row, "user", world_user(call->sandbox->world, call->arena, user_id));
        json_set_int(row, "score", (int64_t)best->valuedouble);
        cJSON_AddItemToArray(call->result, row);
        cJSON_Delete(best);
    }
    return 0;
}

const struct method game_methods[] = {
    {"sendGame", send_game},
    {"setGameScore", set_score},
    {"getGameHighScores", get_scores},
    {0},
};
