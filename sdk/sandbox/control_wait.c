/*
 * The control API: waiting for what somebody does.
 */
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"

enum { USUAL_WAIT_S = 30, LONGEST_WAIT_S = 600 };

/* What the awaited event or request has to be like; NULL or 0 = anything. */
struct wanted {
    const char *type, *method, *text;
    int64_t chat_id;
    bool is_from_bot;
};

static bool is_chat(const cJSON *id, int64_t chat_id)
{
    int64_t number;

    if (cJSON_IsString(id))
        return strtoll(id->valuestring, NULL, 10) == chat_id;
    return json_to_int(id, &number) && number == chat_id;
}

/* Whether the object's text or caption has that part. */
static bool says(const cJSON *object, const char *part)
{
    const char *text = json_get_text(object, "text"), *caption = json_get_text(object, "caption");

    return (text && strstr(text, part)) || (caption && strstr(caption, part));
}

static bool fits_event(const cJSON *event, const struct wanted *wanted)
{
    const cJSON *message = json_get(event, "message");
    const char *type = json_get_text(event, "type");

    return (!wanted->type || strcmp(type, wanted->type) == 0) &&
           (!wanted->chat_id || is_chat(json_get(event, "chat_id"), wanted->chat_id)) &&
           (!wanted->is_from_bot || json_get_bool(json_get(message, "from"), "is_bot")) &&
           (!wanted->text || says(message, wanted->text) || says(event, wanted->text));
}

static bool fits_request(const cJSON *request, const struct wanted *wanted)
{
    const cJSON *params = json_get(request, "params");

    return (!wanted->method || strcmp(json_get_text(request, "method"), wanted->method) == 0) &&
           (!wanted->chat_id || is_chat(json_get(params, "chat_id"), wanted->chat_id)) &&
           (!wanted->text || says(params, wanted->text));
}

/* The first that fits, or NULL when the time is over. */
static AISHA_ASYNC int find_next(struct control *control, struct feed *feed, int64_t after,
                                 const struct wanted *wanted, int64_t timeout_ms,
                                 const cJSON **ret_found)
{
    bool (*fits)(const cJSON *, const struct wanted *) =
        feed == control->sandbox->requests ? fits_request : fits_event;
    int64_t deadline_ms = loop_now_ms(control->sandbox->loop) + timeout_ms;
    const cJSON *entry;
    bool has_gap;

    for (;;) {
        cJSON_ArrayForEach(entry, feed_after(feed, control->arena, after, &has_gap)) {
            if (fits(entry, wanted)) {
                *ret_found = entry;
                return 0;
            }
        }
        after = feed_last(feed);
        int64_t left_ms = deadline_ms - loop_now_ms(control->sandbox->loop);
        int r = feed_wait(feed, after, left_ms > 0 ? left_ms : 0);
        if (r < 0)
            return r;
    }
}

void control_wait(struct control *control)
{
    const struct http_exchange *exchange = control->exchange;
    struct wanted wanted = {
        .type = http_exchange_param(exchange, "type"),
        .method = http_exchange_param(exchange, "method"),
        .text = http_exchange_param(exchange, "text"),
        .is_from_bot = http_exchange_param(exchange, "from_bot") != NULL,
    };
    const char *chat = http_exchange_param(exchange, "chat_id");
    bool is_request = wanted.method || http_exchange_param(exchange, "requests_after");
    struct feed *feed = is_request ? control->sandbox->requests : control->sandbox->events;
    int64_t after, timeout_s;
    const cJSON *found;

    if (!control_number(control, is_request ? "requests_after" : "after", feed_last(feed),
                        &after) ||
        !control_number(control, "timeout", USUAL_WAIT_S, &timeout_s))
        return;
    if (timeout_s > LONGEST_WAIT_S)
        timeout_s = LONGEST_WAIT_S;
    wanted.chat_id = chat ? strtoll(chat, NULL, 10) : 0;
    int r = find_next(control, feed, after, &wanted, timeout_s * 1000, &found);
    if (r == 0)
        respond_json(control->exchange, 200, found);
    else if (r == -AISHA_E_TIMEOUT)
        control_fail(control, 408, "nothing of that kind within %lld s", (long long)timeout_s);
}
