/*
 * A poll is kept as the record {"poll", "votes": {"<user id>": [option ids]}, "shown": [[chat,
 * message], …], "is_bots"}. The poll within a message is a copy: it is renewed with every change.
 */
#include "sdk/sandbox/polls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char kind[] = "poll";

static void keep(struct sandbox *sandbox, struct arena *arena, const char *id, const cJSON *record)
{
    world_put_record(sandbox->world, arena, kind, id, record);
}

static void watch(struct sandbox *sandbox, struct arena *arena);

void poll_add(struct sandbox *sandbox, struct arena *arena, cJSON *poll, bool is_bots)
{
    cJSON *record = json_keep(arena, cJSON_CreateObject()), *option;
    const char *id = world_random_number(arena);
    int number = 0;

    json_set_text(poll, "id", id);
    cJSON_ArrayForEach(option, json_get(poll, "options")) {
        json_set_text(option, "persistent_id", arena_printf(arena, "%d", number++));
        json_set_int(option, "voter_count", 0);
    }
    json_set_int(poll, "total_voter_count", 0);
    json_set_copy(record, "poll", poll);
    cJSON_AddObjectToObject(record, "votes");
    cJSON_AddArrayToObject(record, "shown");
    json_set_bool(record, "is_bots", is_bots);
    keep(sandbox, arena, id, record);
    if (json_get(poll, "close_date"))
        watch(sandbox, arena);
}

void poll_shown(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    const char *id = json_get_text(json_get(message, "poll"), "id");
    cJSON *record = id ? world_record(sandbox->world, arena, kind, id) : NULL;
    cJSON *place = cJSON_CreateArray();

    cJSON_AddItemToArray(place, cJSON_Duplicate(json_get(json_get(message, "chat"), "id"), true));
    cJSON_AddItemToArray(place, cJSON_Duplicate(json_get(message, "message_id"), true));
    if (!record) {
        cJSON_Delete(place);
        return;
    }
    cJSON_AddItemToArray(json_get(record, "shown"), place);
    keep(sandbox, arena, id, record);
}

/* Renews the poll in every message that shows it. What is said of it only there stays. */
static void renew_messages(struct sandbox *sandbox, struct arena *arena, const cJSON *record)
{
    static const char *const changing[] = {"options", "total_voter_count", "is_closed"};
    const cJSON *poll = json_get(record, "poll"), *place;

    cJSON_ArrayForEach(place, json_get(record, "shown")) {
        int64_t chat_id = (int64_t)cJSON_GetArrayItem(place, 0)->valuedouble;
        int64_t message_id = (int64_t)cJSON_GetArrayItem(place, 1)->valuedouble;
        cJSON *message = world_message(sandbox->world, arena, chat_id, message_id);
        cJSON *shown = json_get(message, "poll");
        if (!shown)
            continue;
        for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
            json_set_copy(shown, changing[i], json_get(poll, changing[i]));
        if (json_get_bool(poll, "is_closed")) {
            cJSON_DeleteItemFromObjectCaseSensitive(shown, "open_period");
            cJSON_DeleteItemFromObjectCaseSensitive(shown, "close_date");
        }
        sandbox_publish(sandbox, arena, message, "poll");
    }
}

/* Keeps the changed poll, and tells all. Description and media are said in messages only. */
static void changed(struct sandbox *sandbox, struct arena *arena, const cJSON *record)
{
    static const char *const inside[] = {"description", "description_entities", "media"};
    cJSON *poll = json_keep(arena, cJSON_Duplicate(json_get(record, "poll"), true));

    keep(sandbox, arena, json_get_text(poll, "id"), record);
    renew_messages(sandbox, arena, record);
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(poll, inside[i]);
    if (json_get_bool(record, "is_bots"))
        sandbox_push_update(sandbox, arena, "poll", poll, 0);
}

static void close_poll(struct sandbox *sandbox, struct arena *arena, cJSON *record)
{
    cJSON *poll = json_get(record, "poll");

    json_set_bool(poll, "is_closed", true);
    cJSON_DeleteItemFromObjectCaseSensitive(poll, "open_period");
    cJSON_DeleteItemFromObjectCaseSensitive(poll, "close_date");
    changed(sandbox, arena, record);
}

/* ---- the end of time ---- */

static void end_due(void *arg);

/* Closes those whose time has come, and waits for the next. */
static void watch(struct sandbox *sandbox, struct arena *arena)
{
    const cJSON *records = world_records(sandbox->world, arena, kind), *each;
    int64_t now = world_now(sandbox->world), next = 0;

    cJSON_ArrayForEach(each, records) {
        const cJSON *poll = json_get(each, "poll");
        int64_t close_date = json_get_int(poll, "close_date", 0);
        if (!close_date || json_get_bool(poll, "is_closed"))
            continue;
        if (close_date <= now)
            close_poll(sandbox, arena, json_keep(arena, cJSON_Duplicate(each, true)));
        else if (!next || close_date < next)
            next = close_date;
    }
    if (next)
        clock_timer_set(sandbox->poll_end, sandbox->clock,
                        next * 1000 - clock_now_ms(sandbox->clock), end_due, sandbox);
}

static void end_due(void *arg)
{
    struct arena arena = {0};

    watch(arg, &arena);
    arena_clear(&arena);
}

int polls_start(struct sandbox *sandbox)
{
    sandbox->poll_end = calloc(1, sizeof *sandbox->poll_end);
    if (!sandbox->poll_end)
        return -ENOMEM;
    end_due(sandbox);
    return 0;
}

void polls_done(struct sandbox *sandbox)
{
    if (sandbox->poll_end)
        clock_timer_clear(sandbox->poll_end);
    free(sandbox->poll_end);
    sandbox->poll_end = NULL;
}

/* ---- votes ---- */

static cJSON *load(struct sandbox *sandbox, struct arena *arena, const char *id)
{
    cJSON *record = world_record(sandbox->world, arena, kind, id);
    const cJSON *poll = json_get(record, "poll");
    int64_t close_date = json_get_int(poll, "close_date", 0);

    if (close_date && !json_get_bool(poll, "is_closed") && world_now(sandbox->world) >= close_date)
        close_poll(sandbox, arena, record);
    return record;
}

const cJSON *poll_votes(struct sandbox *sandbox, struct arena *arena, const char *id)
{
    return json_get(load(sandbox, arena, id), "votes");
}

cJSON *poll_find(struct sandbox *sandbox, struct arena *arena, const char *id)
{
    return json_get(load(sandbox, arena, id), "poll");
}

void poll_stop(struct sandbox *sandbox, struct arena *arena, const char *id)
{
    cJSON *record = load(sandbox, arena, id);

    if (record && !json_get_bool(json_get(record, "poll"), "is_closed"))
        close_poll(sandbox, arena, record);
}

static void count_votes(cJSON *poll, const cJSON *votes)
{
    const cJSON *vote, *id;
    cJSON *option;
    int number = 0;

    json_set_int(poll, "total_voter_count", cJSON_GetArraySize(votes));
    cJSON_ArrayForEach(option, json_get(poll, "options")) {
        int64_t count = 0;
        cJSON_ArrayForEach(vote, votes) {
            cJSON_ArrayForEach(id, vote)
                count += (int)id->valuedouble == number;
        }
        json_set_int(option, "voter_count", count);
        number++;
    }
}

/* Each once, in order. NULL when one does not exist. */
static cJSON *chosen_options(struct arena *arena, const cJSON *poll, const cJSON *option_ids)
{
    int count = cJSON_GetArraySize(json_get(poll, "options"));
    cJSON *chosen = json_keep(arena, cJSON_CreateArray());
    const cJSON *id;

    cJSON_ArrayForEach(id, option_ids) {
        if (!json_is_int(id) || id->valuedouble < 0 || id->valuedouble >= count)
            return NULL;
    }
    for (int number = 0; number < count; number++) {
        bool is_chosen = false;
        cJSON_ArrayForEach(id, option_ids)
            is_chosen |= (int)id->valuedouble == number;
        if (is_chosen)
            cJSON_AddItemToArray(chosen, cJSON_CreateNumber(number));
    }
    return chosen;
}

static void tell_answer(struct sandbox *sandbox, struct arena *arena, const cJSON *poll,
                        const cJSON *user, const cJSON *chosen)
{
    cJSON *answer = json_keep(arena, cJSON_CreateObject()), *persistent;
    const cJSON *id;

    json_set_copy(answer, "poll_id", json_get(poll, "id"));
    json_set_copy(answer, "user", user);
    json_set_copy(answer, "option_ids", chosen);
    persistent = cJSON_AddArrayToObject(answer, "option_persistent_ids");
    cJSON_ArrayForEach(id, chosen) {
        const cJSON *option = cJSON_GetArrayItem(json_get(poll, "options"), (int)id->valuedouble);
        cJSON_AddItemToArray(persistent, cJSON_Duplicate(json_get(option, "persistent_id"), true));
    }
    sandbox_push_update(sandbox, arena, "poll_answer", answer, 0);
}

const char *poll_vote(struct sandbox *sandbox, struct arena *arena, const char *id,
                      const cJSON *user, const cJSON *option_ids)
{
    cJSON *record = load(sandbox, arena, id);
    cJSON *poll = json_get(record, "poll"), *votes = json_get(record, "votes");
    const char *voter = arena_printf(arena, "%lld", (long long)json_get_int(user, "id", 0));
    const cJSON *before = json_get(votes, voter);

    if (!record)
        return "there is no such poll any more";
    if (json_get_bool(poll, "is_closed"))
        return "the poll is closed";
    const cJSON *chosen = chosen_options(arena, poll, option_ids);
    if (!chosen)
        return "option_ids: the poll has no such option";
    if (cJSON_GetArraySize(chosen) > 1 && !json_get_bool(poll, "allows_multiple_answers"))
        return "option_ids: the poll takes one answer only";
    if (before && !json_get_bool(poll, "allows_revoting"))
        return "the poll does not let anybody vote again";
    if (cJSON_Compare(before, chosen, true) || (!before && !cJSON_GetArraySize(chosen)))
        return NULL;
    if (cJSON_GetArraySize(chosen))
        json_set_copy(votes, voter, chosen);
    else
        cJSON_DeleteItemFromObjectCaseSensitive(votes, voter);
    count_votes(poll, votes);
    if (json_get_bool(record, "is_bots") && !json_get_bool(poll, "is_anonymous"))
        tell_answer(sandbox, arena, poll, user, chosen);
    changed(sandbox, arena, record);
    return NULL;
}

void control_vote(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const cJSON *option_ids = json_get(control->body, "option_ids");
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    const cJSON *message = world_message(sandbox->world, control->arena, place.chat_id,
                                         json_get_int(control->body, "message_id", 0));
    const char *id = json_get_text(json_get(message, "poll"), "id");
    if (!id) {
        control_fail(control, 400, "message_id: there is no such poll in this chat");
        return;
    }
    if (!cJSON_IsArray(option_ids)) {
        control_fail(control, 400, "option_ids must be a list of numbers");
        return;
    }
    const char *wrong = poll_vote(sandbox, control->arena, id, user, option_ids);
    if (wrong)
        control_fail(control, 400, "%s", wrong);
    else
        respond_json(control->exchange, 200, json_keep(control->arena, cJSON_CreateObject()));
}
