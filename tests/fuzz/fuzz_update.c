/*
 * An update as it comes from the wire: what can be parsed can be read, and what is required of it is
 * there.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/bot_api.h>

#include "host/bot/update_kind.h"
#include "host/core/arena.h"
#include "host/telegram/codec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    const void *read;
    cJSON *json;

    if (codec_parse((const char *)data, size, &json) < 0)
        return 0;
    if (codec_read(&arena, api_update_type, json, &read) == 0) {
        const struct aisha_update *update = read;
        if (update->message)
            assert(update->message->chat && update->message->chat->type);
        if (update->callback_query)
            assert(update->callback_query->id && update->callback_query->from->first_name);
        aisha_ignore(codec_update_kind(update) == NULL);
    }
    struct lane_key key = update_lane(json, 7);
    struct update_view view;
    assert(key.kind != LANE_ALONE || key.id == 7);
    if (update_read(&arena, json, &view) == 0 && view.kind && view.message)
        assert(view.chat_id == view.message->chat->id);
    cJSON_Delete(json);
    arena_clear(&arena);
    return 0;
}
