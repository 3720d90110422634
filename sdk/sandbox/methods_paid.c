/*
 * Media that has to be paid for. Whoever sent it sees it; so does the bot.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/payments.h"
#include "sdk/sandbox/sandbox.h"

enum { MOST_STARS = 25000, MOST_ITEMS = 10, LONGEST_PAYLOAD = 128 };

static AISHA_ASYNC int read_item(struct call *call, const cJSON *given, cJSON *items)
{
    const char *kind = json_get_text(given, "type");
    cJSON *object, *item = cJSON_CreateObject();

    cJSON_AddItemToArray(items, item);
    int r = call_media(call, kind, NULL, json_get_text(given, "media"), given, &object);
    if (r < 0)
        return r;
    json_set_text(item, "type", kind);
    media_attach(item, kind, object);
    if (strcmp(kind, "live_photo") == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(item, "photo");
    return 0;
}

static AISHA_ASYNC int send_paid_media(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    cJSON *paid = cJSON_AddObjectToObject(content, "paid_media"), *items;
    int64_t stars = call_int(call, "star_count", 0);
    const cJSON *media = call_get(call, "media"), *given;
    const char *payload = call_text(call, "payload");

    int r = call_caption(call, call->params.values, content);
    if (r < 0)
        return r;
    if (!cJSON_GetArraySize(media))
        return call_refuse(call, "there are no paid media to send");
    if (cJSON_GetArraySize(media) > MOST_ITEMS)
        return call_refuse(call, "too many paid media specified");
    if (stars < 1 || stars > MOST_STARS)
        return call_refuse(call, "STARS_AMOUNT_INVALID");
    if (payload && strlen(payload) > LONGEST_PAYLOAD)
        return call_refuse(call, "MEDIA_PAYLOAD_INVALID");
    json_set_int(paid, "star_count", stars);
    items = cJSON_AddArrayToObject(paid, "paid_media");
    cJSON_ArrayForEach(given, media) {
        r = read_item(call, given, items);
        if (r < 0)
            return r;
    }
    media_set_placement(content, call->params.values, "paid_media");
    r = call_send_content(call, content);
    if (r == 0 && payload && *payload)
        payments_keep_payload(call->sandbox, call->arena, call->result, payload);
    return r;
}

const struct method paid_methods[] = {
    {"sendPaidMedia", send_paid_media},
    {0},
};
