/*
 * What a bot does on behalf of a business account besides writing: reading, deleting, checklists.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/edit.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { MOST_DELETED = 100, LONGEST_TITLE = 255, LONGEST_TASK = 100, MOST_TASKS = 30 };

/* The owner of the connection, whose private chat shows what is written there. */
static int find_owner(struct call *call, int64_t *ret_user_id)
{
    int64_t owner = business_owner(call->sandbox->world, call->arena,
                                   call_text(call, "business_connection_id"));

    *ret_user_id = owner;
    return owner ? 0 : call_refuse(call, "business connection not found");
}

static bool is_of(const struct call *call, const cJSON *message)
{
    const char *connection = json_get_text(message, "business_connection_id");

    return connection && strcmp(connection, call_text(call, "business_connection_id")) == 0;
}

static int read_message(struct call *call)
{
    int64_t owner;

    int r = find_owner(call, &owner);
    if (r < 0)
        return r;
    const cJSON *message =
        world_message(call->sandbox->world, call->arena, call_int(call, "chat_id", 0),
                      call_int(call, "message_id", 0));
    return message && is_of(call, message) ? 0 : call_refuse(call, "MESSAGE_ID_INVALID");
}

/* All of them are in one chat; their numbers say which. */
static cJSON *find_message(struct call *call, int64_t id)
{
    struct world *world = call->sandbox->world;
    const cJSON *users = world_users(world, call->arena), *user;

    cJSON_ArrayForEach(user, users) {
        cJSON *message = world_message(world, call->arena, json_get_int(user, "id", 0), id);
        if (message)
            return is_of(call, message) ? message : NULL;
    }
    return NULL;
}

static int delete_messages(struct call *call)
{
    const cJSON *ids = call_get(call, "message_ids"), *id;
    int64_t owner;

    if (!cJSON_GetArraySize(ids))
        return call_refuse(call, "message identifiers are not specified");
    if (cJSON_GetArraySize(ids) > MOST_DELETED)
        return call_refuse(call, "too many message identifiers specified");
    int r = find_owner(call, &owner);
    if (r < 0)
        return r;
    cJSON_ArrayForEach(id, ids) {
        const cJSON *message = find_message(call, (int64_t)id->valuedouble);
        if (message)
            message_delete(call->sandbox, call->arena, message);
    }
    return 0;
}

/* ---- checklists ---- */

/* What cannot be in a checklist loses its formatting. */
static void keep_styles(cJSON *entities)
{
    static const char *const kept[] = {"bold",    "italic",       "underline", "strikethrough",
                                       "spoiler", "custom_emoji", "date_time"};

    for (cJSON *entity = entities->child, *next; entity; entity = next) {
        bool is_kept = false;
        next = entity->next;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            is_kept |= strcmp(json_get_text(entity, "type"), kept[i]) == 0;
        if (!is_kept)
            cJSON_Delete(cJSON_DetachItemViaPointer(entities, entity));
    }
}

static int read_task(struct call *call, const cJSON *given, const cJSON *tasks, cJSON *task)
{
    int64_t id = json_get_int(given, "id", 0);
    struct formatted text;
    const cJSON *other;

    int r = call_format(call, given, "text", "parse_mode", "text_entities", &text);
    if (r < 0)
        return r;
    if (id <= 0)
        return call_refuse(call, "checklist task identifier must be positive");
    cJSON_ArrayForEach(other, tasks) {
        if (other != task && json_get_int(other, "id", 0) == id)
            return call_refuse(call, "checklist task identifiers must be unique");
    }
    if (!*text.text)
        return call_refuse(call, "text must be non-empty");
    if (utf8_length(text.text) > LONGEST_TASK)
        return call_refuse(call, "checklist task text length must not exceed %d", LONGEST_TASK);
    json_set_int(task, "id", id);
    keep_styles(text.entities);
    message_set_text(task, "text", "text_entities", &text);
    return 0;
}

static int read_tasks(struct call *call, const cJSON *given, cJSON *tasks)
{
    const cJSON *each;

    if (!cJSON_GetArraySize(given))
        return call_refuse(call, "checklist must have at least 1 task");
    if (cJSON_GetArraySize(given) > MOST_TASKS)
        return call_refuse(call, "checklist can't have more than %d tasks", MOST_TASKS);
    cJSON_ArrayForEach(each, given) {
        cJSON *task = cJSON_CreateObject();
        cJSON_AddItemToArray(tasks, task);
        int r = read_task(call, each, tasks, task);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_checklist(struct call *call, cJSON *checklist)
{
    static const char *const rights[] = {"others_can_add_tasks", "others_can_mark_tasks_as_done"};
    const cJSON *given = call_get(call, "checklist");
    struct formatted title;

    int r = call_format(call, given, "title", "parse_mode", "title_entities", &title);
    if (r < 0)
        return r;
    if (!*title.text)
        return call_refuse(call, "text must be non-empty");
    if (utf8_length(title.text) > LONGEST_TITLE)
        return call_refuse(call, "checklist title length must not exceed %d", LONGEST_TITLE);
    keep_styles(title.entities);
    message_set_text(checklist, "title", "title_entities", &title);
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
        if (json_get_bool(given, rights[i]))
            json_set_bool(checklist, rights[i], true);
    return read_tasks(call, json_get(given, "tasks"), cJSON_AddArrayToObject(checklist, "tasks"));
}

static int send_checklist(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());

    int r = read_checklist(call, cJSON_AddObjectToObject(content, "checklist"));
    return r < 0 ? r : call_send_content(call, content);
}

/* What was done stays so. */
static void keep_completion(const cJSON *before, cJSON *after)
{
    static const char *const done[] = {"completed_by_user", "completed_by_chat", "completion_date"};
    const cJSON *old;
    cJSON *task;

    cJSON_ArrayForEach(task, json_get(after, "tasks")) {
        cJSON_ArrayForEach(old, json_get(before, "tasks")) {
            if (json_get_int(old, "id", 0) != json_get_int(task, "id", 0))
                continue;
            for (size_t i = 0; i < sizeof done / sizeof *done; i++)
                json_set_copy(task, done[i], json_get(old, done[i]));
        }
    }
}

static int edit_checklist(struct call *call)
{
    cJSON *checklist = json_keep(call->arena, cJSON_CreateObject());
    struct edit edit;

    int r = read_checklist(call, checklist);
    if (r == 0)
        r = edit_begin(call, &edit);
    if (r == 0 && !json_get(edit.before, "checklist"))
        r = call_refuse(call, "there is no checklist in the message to edit");
    if (r < 0)
        return r;
    keep_completion(json_get(edit.before, "checklist"), checklist);
    json_set_copy(edit.after, "checklist", checklist);
    return edit_end(call, &edit);
}

const struct method business_methods[] = {
    {"readBusinessMessage", read_message},
    {"deleteBusinessMessages", delete_messages},
    {"sendChecklist", send_checklist},
    {"editMessageChecklist", edit_checklist},
    {0},
};
