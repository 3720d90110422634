#include "sdk/sandbox/reply_markup.h"

#include <stdbool.h>
#include <string.h>

#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { MOST_IN_ROW = 12, MOST_KEYS = 300 };

static int64_t chat_of(const cJSON *message)
{
    return json_get_int(json_get(message, "chat"), "id", 0);
}

/* Keeps it and tells those who watch; NULL = none. */
static void put(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, const cJSON *markup)
{
    cJSON *details = cJSON_CreateObject();

    world_set_reply_markup(sandbox->world, arena, chat_id, markup);
    json_set(details, "reply_markup", markup ? cJSON_Duplicate(markup, true) : cJSON_CreateNull());
    sandbox_emit(sandbox, "reply_markup", chat_id, details);
}

/* A text stands for a button that says it. */
static const char *label_of(const cJSON *button)
{
    const char *label =
        cJSON_IsString(button) ? button->valuestring : json_get_text(button, "text");

    return label ? label : "";
}

static cJSON *shown_row(const cJSON *row, int room)
{
    cJSON *shown = cJSON_CreateArray();
    const cJSON *button;

    cJSON_ArrayForEach(button, row) {
        if (!*label_of(button))
            continue;
        if (cJSON_GetArraySize(shown) == (room < MOST_IN_ROW ? room : MOST_IN_ROW))
            break;
        cJSON *key = cJSON_IsObject(button) ? cJSON_Duplicate(button, true) : cJSON_CreateObject();
        json_set_text(key, "text", label_of(button));
        cJSON_AddItemToArray(shown, key);
    }
    return shown;
}

/* As Telegram does: keys without a text and whatever is too many are left out. */
static cJSON *shown_rows(const cJSON *rows)
{
    cJSON *shown = cJSON_CreateArray();
    const cJSON *row;
    int room = MOST_KEYS;

    cJSON_ArrayForEach(row, rows) {
        cJSON *keys = shown_row(row, room);
        room -= cJSON_GetArraySize(keys);
        if (cJSON_GetArraySize(keys))
            cJSON_AddItemToArray(shown, keys);
        else
            cJSON_Delete(keys);
    }
    return shown;
}

void reply_markup_place(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                        const cJSON *markup)
{
    const cJSON *rows = json_get(markup, "keyboard");
    int64_t chat_id = chat_of(message);

    if (json_get_bool(markup, "remove_keyboard")) {
        if (world_reply_markup(sandbox->world, arena, chat_id))
            put(sandbox, arena, chat_id, NULL);
        return;
    }
    if (json_get(markup, "inline_keyboard") || (!rows && !json_get_bool(markup, "force_reply")))
        return;
    cJSON *kept = json_keep(arena, cJSON_Duplicate(markup, true));
    if (rows)
        json_set(kept, "keyboard", shown_rows(rows));
    if (rows && !cJSON_GetArraySize(json_get(kept, "keyboard")))
        return;
    json_set_int(kept, "message_id", json_get_int(message, "message_id", 0));
    put(sandbox, arena, chat_id, kept);
}

static bool has_key(const cJSON *rows, const char *text)
{
    const cJSON *row, *button;

    cJSON_ArrayForEach(row, rows) {
        cJSON_ArrayForEach(button, row) {
            if (text && strcmp(label_of(button), text) == 0)
                return true;
        }
    }
    return false;
}

void reply_markup_answer(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    int64_t chat_id = chat_of(message);
    cJSON *markup = world_reply_markup(sandbox->world, arena, chat_id);
    const cJSON *rows = json_get(markup, "keyboard");
    bool is_reply = json_get_bool(markup, "force_reply");
    bool is_used = json_get_bool(markup, "one_time_keyboard") && !json_get_bool(markup, "used") &&
                   has_key(rows, json_get_text(message, "text"));

    if (!is_reply && !is_used)
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(markup, "force_reply");
    if (is_used)
        json_set_bool(markup, "used", true);
    put(sandbox, arena, chat_id, rows ? markup : NULL);
}

void reply_markup_forget(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                         int64_t message_id)
{
    const cJSON *markup = world_reply_markup(sandbox->world, arena, chat_id);

    if (json_get_int(markup, "message_id", 0) == message_id)
        put(sandbox, arena, chat_id, NULL);
}
