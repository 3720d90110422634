/*
 * Calls: the turn, the request, and what is done about a failure. Each try waits for its turn again,
 * so that while one pauses, nobody of its chat gets ahead of it but who is more urgent.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/wait.h"
#include "host/telegram/api.h"
#include "host/telegram/client.h"
#include "host/telegram/client_internal.h"
#include "host/telegram/codec.h"
#include "host/telegram/memory.h"
#include "host/telegram/target.h"
#include "host/telegram/upload.h"

enum {
    CALL_TIMEOUT_MS = 30000,
    UPLOAD_TIMEOUT_MS = 180000,
    MAX_TRIES = 8,
    MAX_MOVES = 2,
    MAX_PAUSE_MS = 15000,
    FLOOD_MARGIN_MS = 200,
    FILE_PAUSE_MS = 1000,
};

struct call {
    struct telegram *telegram;
    struct arena *arena;
    const char *method;
    struct outbound_call turn; /* chat_id 0 = it needs none */
    struct codec_body given, body;
    struct uploads *uploads; /* NULL = no blobs */
    struct telegram_failure *failure;
    const cJSON *result; /* … if it is wanted */
    bool is_result_wanted;
    int tries, moves;
    bool has_retried_file;
};

static AISHA_PRINTF(4, 5) int explain(struct arena *arena, struct telegram_failure *failure, int r,
                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    failure->description = arena_vprintf(arena, format, args);
    va_end(args);
    return r;
}

/* ---- remedies ---- */

static void delete_json(void *json)
{
    cJSON_Delete(json);
}

static int count_as_done(struct call *call)
{
    cJSON *done = cJSON_CreateTrue();

    if (!done)
        abort();
    arena_defer(call->arena, delete_json, done);
    *call->failure = (struct telegram_failure){0};
    call->result = done;
    return 0;
}

static int refuse_for_now(struct call *call)
{
    int64_t rest_s = outbound_rest_ms(call->telegram->outbound, call->turn.chat_id) / 1000 + 1;

    *call->failure = (struct telegram_failure){.error_code = 429, .retry_after_s = rest_s};
    return explain(call->arena, call->failure, -AISHA_E_TELEGRAM,
                   "Too Many Requests: retry after %lld", (long long)rest_s);
}

static void move(struct call *call, int64_t chat_id)
{
    call->turn.chat_id = chat_id;
    target_move(call->arena, &call->given, chat_id);
    if (call->uploads)
        target_move(call->arena, &call->body, chat_id);
    else
        call->body = call->given;
}

static AISHA_ASYNC bool follow_move(struct call *call)
{
    const struct telegram *telegram = call->telegram;
    int64_t old_id = call->turn.chat_id, new_id = call->failure->migrate_to_chat_id;

    if (!old_id || !new_id || call->moves++ == MAX_MOVES)
        return false;
    log_info("telegram", "chat %lld has become %lld", (long long)old_id, (long long)new_id);
    if (telegram->memory)
        telegram->memory->chat_moved(telegram->memory_user, call->arena, old_id, new_id);
    move(call, new_id);
    return true;
}

static AISHA_ASYNC void note_gone(struct call *call, enum telegram_remedy why)
{
    const struct telegram *telegram = call->telegram;

    if (telegram->memory && call->turn.chat_id)
        telegram->memory->chat_gone(telegram->memory_user, call->arena, call->turn.chat_id, why);
}

static void note_refused(const struct call *call)
{
    const struct telegram *telegram = call->telegram;

    if (telegram->memory)
        telegram->memory->token_refused(telegram->memory_user, call->failure->description);
}

/* How long the call pauses before its next try; 0 = there is none because of time. */
static int64_t pause_after(const struct call *call)
{
    const struct telegram_failure *failure = call->failure;
    int64_t pause_ms = 250LL << call->tries;

    switch (failure->remedy) {
    case REMEDY_WAIT:
        return failure->retry_after_s * 1000 + FLOOD_MARGIN_MS;
    case REMEDY_RETRY:
        return pause_ms < MAX_PAUSE_MS ? pause_ms : MAX_PAUSE_MS;
    case REMEDY_FILE:
        return call->has_retried_file || call->uploads ? 0 : FILE_PAUSE_MS;
    default:
        return 0;
    }
}

static AISHA_ASYNC int build(struct call *call)
{
    const char *key;

    int r = uploads_build(call->uploads, &call->body, &key);
    call->failure->is_store_down = r == -AISHA_E_UNAVAILABLE;
    return r == -AISHA_E_NOT_FOUND
               ? explain(call->arena, call->failure, r, "the file to send is not there: %s", key)
               : r;
}

/* 0 = try again; 1 = the failure stands. */
static AISHA_ASYNC int mend(struct call *call)
{
    switch (call->failure->remedy) {
    case REMEDY_RETRY:
        return call->tries == MAX_TRIES;
    case REMEDY_WAIT:
        return call->tries == MAX_TRIES || call->failure->retry_after_s > OUTBOUND_PATIENCE_S;
    case REMEDY_MOVE:
        return !follow_move(call);
    case REMEDY_FILE:
        if (call->has_retried_file)
            return 1;
        call->has_retried_file = true;
        if (!call->uploads)
            return 0;
        return uploads_forget(call->uploads) ? build(call) : 1;
    case REMEDY_BLOCKED:
    case REMEDY_DEACTIVATED:
    case REMEDY_CHAT_GONE:
        note_gone(call, call->failure->remedy);
        return 1;
    case REMEDY_STOP:
        note_refused(call);
        return 1;
    default:
        return 1;
    }
}

/* ---- tries ---- */

static void log_try(const struct call *call, int r, int64_t pause_ms)
{
    log_warn("telegram", "method=%s try=%d code=%d %s, next try in %lld ms", call->method,
             call->tries, call->failure->error_code,
             call->failure->description ? call->failure->description : aisha_error_text(r),
             (long long)pause_ms);
}

/* Ends the turn; a call without one pauses by itself. */
static AISHA_ASYNC int leave(struct call *call, int64_t pause_ms)
{
    struct outbound *outbound = call->telegram->outbound;

    if (!call->turn.chat_id)
        return pause_ms ? wait_sleep(call->telegram->loop, pause_ms) : 0;
    if (call->failure->remedy == REMEDY_WAIT)
        outbound_leave_flooded(outbound, &call->turn, pause_ms);
    else
        outbound_leave(outbound, &call->turn, pause_ms);
    call->turn.is_again = true;
    return 0;
}

/* 0 = done, 1 = try again. */
static AISHA_ASYNC int try_once(struct call *call)
{
    int64_t timeout_ms = call->body.parts ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS;

    int r = call->turn.chat_id ? outbound_enter(call->telegram->outbound, &call->turn) : 0;
    if (r == OUTBOUND_REPLACED)
        return count_as_done(call);
    if (r == OUTBOUND_RESTS)
        return refuse_for_now(call);
    if (r < 0)
        return r;
    call->tries++;
    r = telegram_request(call->telegram, call->arena, call->method, &call->body, timeout_ms,
                         call->is_result_wanted ? &call->result : NULL, call->failure);
    call->failure->remedy = r < 0 ? remedy_find(call->method, r, call->failure) : REMEDY_NONE;
    bool is_last = call->tries == MAX_TRIES && call->failure->remedy == REMEDY_RETRY;
    int64_t pause_ms = is_last ? 0 : pause_after(call);
    bool waits = call->turn.chat_id || call->failure->retry_after_s <= OUTBOUND_PATIENCE_S;
    int left = leave(call, waits ? pause_ms : 0);
    if (r == 0 || left < 0)
        return r < 0 ? left : r;
    if (call->failure->remedy == REMEDY_DONE)
        return count_as_done(call);
    int mended = mend(call);
    if (mended != 0)
        return mended < 0 ? mended : r;
    log_try(call, r, pause_ms);
    return 1;
}

static AISHA_ASYNC int run(struct call *call)
{
    const struct telegram *telegram = call->telegram;
    int r = 0;

    if (telegram->memory && target_can_move(call->turn.chat_id)) {
        int64_t chat_id =
            telegram->memory->chat_now(telegram->memory_user, call->arena, call->turn.chat_id);
        if (chat_id != call->turn.chat_id)
            move(call, chat_id);
    }
    if (call->uploads)
        r = build(call);
    if (r < 0)
        return r;
    do
        r = try_once(call);
    while (r > 0);
    if (r == 0 && call->uploads)
        uploads_keep(call->uploads, call->result);
    return r;
}

/* ---- the two forms ---- */

static struct call new_call(struct telegram *telegram, struct arena *arena,
                            const struct telegram_sender *sender, const char *method,
                            struct telegram_failure *failure)
{
    *failure = (struct telegram_failure){0};
    return (struct call){.telegram = telegram,
                         .arena = arena,
                         .method = method,
                         .turn = {.priority = sender ? sender->priority : OUTBOUND_INTERACTIVE},
                         .failure = failure};
}

int telegram_call_as(struct telegram *telegram, struct arena *arena,
                     const struct telegram_sender *sender, const char *name, const void *params,
                     void *ret, struct telegram_failure *failure)
{
    const struct api_method *method = api_find_method(name);
    struct call call = new_call(telegram, arena, sender, name, failure);
    const char *field = NULL;

    if (!method)
        return explain(arena, failure, -AISHA_E_INVALID, "this host does not know the method %s",
                       name);
    int r = codec_write(arena, method, params, &call.given, &field);
    if (r < 0)
        return explain(arena, failure, r, "the parameter %s is missing or wrong",
                       field ? field : "");
    r = uploads_open(telegram, arena, &call.given, sender ? sender->blob_owner : NULL,
                     &call.uploads);
    if (r < 0)
        return explain(arena, failure, r, "no blobs can be sent here");
    target_of_params(name, method->params, params, &call.turn);
    call.body = call.given;
    call.is_result_wanted = ret || call.uploads;
    r = run(&call);
    uploads_close(call.uploads);
    return r < 0 || !ret ? r : codec_read_result(arena, method, call.result, ret);
}

int telegram_call_json_as(struct telegram *telegram, struct arena *arena,
                          const struct telegram_sender *sender, const char *method,
                          const char *json, const char **ret_json, struct telegram_failure *failure)
{
    struct call call = new_call(telegram, arena, sender, method, failure);
    cJSON *params = NULL;

    int r = codec_parse(json, strlen(json), &params);
    arena_defer(arena, delete_json, params);
    if (r < 0 || !cJSON_IsObject(params))
        return explain(arena, failure, -AISHA_E_INVALID, "the parameters of %s are no JSON object",
                       method);
    if (!*method ||
        strspn(method, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") !=
            strlen(method))
        return explain(arena, failure, -AISHA_E_INVALID, "%s cannot be a method", method);
    target_of_json(method, params, &call.turn);
    call.given.json = json;
    call.body = call.given;
    call.is_result_wanted = ret_json != NULL;
    r = run(&call);
    if (r == 0 && ret_json) {
        char *text = cJSON_PrintUnformatted(call.result);
        if (!text)
            abort();
        arena_defer(arena, free, text);
        *ret_json = text;
    }
    return r;
}

int telegram_call(struct telegram *telegram, struct arena *arena, const char *method,
                  const void *params, void *ret, struct telegram_failure *failure)
{
    return telegram_call_as(telegram, arena, NULL, method, params, ret, failure);
}

int telegram_call_json(struct telegram *telegram, struct arena *arena, const char *method,
                       const char *json, const char **ret_json, struct telegram_failure *failure)
{
    return telegram_call_json_as(telegram, arena, NULL, method, json, ret_json, failure);
}
