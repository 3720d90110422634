/*
 * Sending what is neither text nor file: places, contacts, dice, games.
 */
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "host/core/arena.h"
#include "sdk/sandbox/edit.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/share.h"
#include "sdk/sandbox/world.h"

enum {
    SHORTEST_LIVE_S = 60,
    LONGEST_LIVE_S = 86400,
    MOST_ACCURATE_M = 1500,
    MOST_HEADING = 360,
    FARTHEST_ALERT_M = 100000,
};

#define LIVE_FOREVER INT64_C(0x7FFFFFFF)

/* ---- places ---- */

static double number(const cJSON *from, const char *name)
{
    const cJSON *value = json_get(from, name);

    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

cJSON *share_location(struct arena *arena, const cJSON *from)
{
    double latitude = number(from, "latitude"), longitude = number(from, "longitude");
    double accuracy = number(from, "horizontal_accuracy");
    cJSON *location = json_keep(arena, cJSON_CreateObject());

    if (!(fabs(latitude) <= 90) || !(fabs(longitude) <= 180))
        return NULL;
    json_set(location, "latitude", cJSON_CreateNumber(latitude));
    json_set(location, "longitude", cJSON_CreateNumber(longitude));
    if (accuracy > 0)
        json_set_int(location, "horizontal_accuracy",
                     (int64_t)ceil(accuracy > MOST_ACCURATE_M ? MOST_ACCURATE_M : accuracy));
    return location;
}

/* What is said of one that moves, into the location. */
static int read_live(struct call *call, int64_t period, cJSON *location)
{
    int64_t heading = call_int(call, "heading", 0);
    int64_t radius = call_int(call, "proximity_alert_radius", 0);

    if (period && period != LIVE_FOREVER && (period < SHORTEST_LIVE_S || period > LONGEST_LIVE_S))
        return call_refuse(call, "wrong live location period specified");
    if (heading < 0 || heading > MOST_HEADING)
        return call_refuse(call, "wrong live location heading specified");
    if (radius < 0 || radius > FARTHEST_ALERT_M)
        return call_refuse(call, "wrong live location proximity alert radius specified");
    if (!period)
        return 0;
    json_set_int(location, "live_period", period);
    if (heading)
        json_set_int(location, "heading", heading);
    if (radius)
        json_set_int(location, "proximity_alert_radius", radius);
    return 0;
}

static int send_location(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    cJSON *location = share_location(call->arena, call->params.values);
    int64_t period = call_int(call, "live_period", 0);

    if (!location)
        return call_refuse(call, period ? "invalid live location specified"
                                        : "invalid location specified");
    int r = read_live(call, period, location);
    if (r < 0)
        return r;
    json_set_copy(content, "location", location);
    return call_send_content(call, content);
}

/* A live location that goes on. */
static int begin_live(struct call *call, struct edit *edit)
{
    int r = edit_begin(call, edit);
    if (r < 0)
        return r;
    int64_t period = json_get_int(json_get(edit->before, "location"), "live_period", 0);
    int64_t since = json_get_int(edit->before, "date", world_now(call->sandbox->world));
    if (!period)
        return call_refuse(call, "message can't be edited");
    if (period != LIVE_FOREVER && world_now(call->sandbox->world) >= since + period)
        return call_refuse(call, "message can't be edited");
    return 0;
}

static int edit_live(struct call *call)
{
    cJSON *location = share_location(call->arena, call->params.values);
    struct edit edit;

    if (!location)
        return call_refuse(call, "invalid live location specified");
    int r = begin_live(call, &edit);
    if (r < 0)
        return r;
    int64_t period = json_get_int(json_get(edit.before, "location"), "live_period", 0);
    r = read_live(call, call_int(call, "live_period", period), location);
    if (r < 0)
        return r;
    json_set_copy(edit.after, "location", location);
    return edit_end(call, &edit);
}

static int stop_live(struct call *call)
{
    static const char *const live[] = {"live_period", "heading", "proximity_alert_radius"};
    struct edit edit;

    int r = begin_live(call, &edit);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof live / sizeof *live; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(json_get(edit.after, "location"), live[i]);
    return edit_end(call, &edit);
}

cJSON *share_venue(struct arena *arena, const cJSON *from)
{
    static const char *const details[] = {"title",           "address",
                                          "foursquare_id",   "foursquare_type",
                                          "google_place_id", "google_place_type"};
    const cJSON *location = share_location(arena, from);
    cJSON *venue = json_keep(arena, cJSON_CreateObject());

    if (!location)
        return NULL;
    json_set_copy(venue, "location", location);
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        const char *text = json_get_text(from, details[i]);
        if (text && (*text || i < 2))
            json_set_text(venue, details[i], text);
    }
    return venue;
}

static int send_venue(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    const cJSON *venue = share_venue(call->arena, call->params.values);

    if (!venue)
        return call_refuse(call, "wrong venue location specified");
    json_set_copy(content, "venue", venue);
    json_set_copy(content, "location", json_get(venue, "location"));
    return call_send_content(call, content);
}

/* ---- contacts ---- */

cJSON *share_contact(struct arena *arena, const cJSON *from)
{
    static const char *const details[] = {"phone_number", "first_name", "last_name", "vcard"};
    cJSON *contact = json_keep(arena, cJSON_CreateObject());

    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        const char *text = json_get_text(from, details[i]);
        if (text && *text)
            json_set_text(contact, details[i], text);
        else if (i < 2)
            return NULL;
    }
    return contact;
}

static int send_contact(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());

    json_set_copy(content, "contact", share_contact(call->arena, call->params.values));
    return call_send_content(call, content);
}

/* ---- dice ---- */

cJSON *share_dice(struct arena *arena, const char *emoji)
{
    static const struct {
        const char *emoji;
        int64_t most;
    } kinds[] = {{"🎲", 6}, {"🎯", 6}, {"🎳", 6}, {"🏀", 5}, {"⚽", 5}, {"🎰", 64}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].emoji);
        const char *rest = emoji + length;
        uint32_t random = 0;
        if (strncmp(emoji, kinds[i].emoji, length) != 0 ||
            (*rest && strcmp(rest, "\xEF\xB8\x8F") != 0))
            continue;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            random = 0;
        cJSON *dice = json_keep(arena, cJSON_CreateObject());
        json_set_text(dice, "emoji", kinds[i].emoji);
        json_set_int(dice, "value", 1 + random % kinds[i].most);
        return dice;
    }
    return NULL;
}

static int send_dice(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    const char *emoji = call_text(call, "emoji");
    const cJSON *dice = share_dice(call->arena, emoji && *emoji ? emoji : "🎲");

    if (!dice)
        return call_refuse(call, "DICE_EMOJI_INVALID");
    json_set_copy(content, "dice", dice);
    return call_send_content(call, content);
}

const struct method share_methods[] = {
    {"sendLocation", send_location},
    {"editMessageLiveLocation", edit_live},
    {"stopMessageLiveLocation", stop_live},
    {"sendVenue", send_venue},
    {"sendContact", send_contact},
    {"sendDice", send_dice},
    {0},
};
