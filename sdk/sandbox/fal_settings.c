/*
 * How the double behaves, as long as nobody orders a fault: the record "setting", "fal".
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_MS = 86400000, MOST_AT_ONCE = 1000, LARGEST_WEIGHTS = 64 << 20, LONGEST_KEY = 200 };

static const char kind[] = "setting", id[] = "fal";

static const struct number {
    const char *name;
    size_t offset;
    int64_t usual, least, most;
} numbers[] = {
    {"training_ms", offsetof(struct fal_settings, training_ms), 30000, 0, LONGEST_MS},
    {"generation_ms", offsetof(struct fal_settings, generation_ms), 1500, 0, LONGEST_MS},
    {"concurrency", offsetof(struct fal_settings, concurrency), 2, 0, MOST_AT_ONCE},
    {"weights_bytes", offsetof(struct fal_settings, weights_bytes), 262144, 4096, LARGEST_WEIGHTS},
};

enum { NUMBERS = sizeof numbers / sizeof *numbers };

static int64_t *field(struct fal_settings *settings, const struct number *number)
{
    return (int64_t *)((char *)settings + number->offset);
}

void fal_load_settings(struct fal *fal)
{
    struct arena *arena = fal->settings_arena;

    arena_clear(arena);
    cJSON *record = world_record(fal->sandbox->world, arena, kind, id);
    for (size_t i = 0; i < NUMBERS; i++)
        *field(&fal->settings, &numbers[i]) =
            json_get_int(record, numbers[i].name, numbers[i].usual);
    fal->settings.key = arena_strdup(arena, json_get_text(record, "key"));
    fal->settings.gone = json_get(record, "gone");
}

cJSON *fal_describe_settings(const struct fal *fal, struct arena *arena)
{
    struct fal_settings settings = fal->settings;
    cJSON *answer = json_keep(arena, cJSON_CreateObject());

    for (size_t i = 0; i < NUMBERS; i++)
        json_set_int(answer, numbers[i].name, *field(&settings, &numbers[i]));
    json_set(answer, "key", settings.key ? cJSON_CreateString(settings.key) : cJSON_CreateNull());
    json_set(answer, "gone",
             settings.gone ? cJSON_Duplicate(settings.gone, true) : cJSON_CreateArray());
    return answer;
}

static bool is_list_of_texts(const cJSON *value)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, value) {
        if (!cJSON_IsString(item))
            return false;
    }
    return cJSON_IsArray(value) && cJSON_GetArraySize(value) <= MOST_AT_ONCE;
}

static const char *check(struct arena *arena, const cJSON *item)
{
    int64_t value;

    if (strcmp(item->string, "key") == 0)
        return cJSON_IsNull(item) || (cJSON_IsString(item) && *item->valuestring &&
                                      strlen(item->valuestring) <= LONGEST_KEY)
                   ? NULL
                   : "key must be a text or null";
    if (strcmp(item->string, "gone") == 0)
        return is_list_of_texts(item) ? NULL : "gone must be a list of models";
    for (size_t i = 0; i < NUMBERS; i++) {
        if (strcmp(item->string, numbers[i].name) != 0)
            continue;
        return json_to_int(item, &value) && value >= numbers[i].least && value <= numbers[i].most
                   ? NULL
                   : arena_printf(arena, "%s must be a whole number from %d to %d", item->string,
                                  (int)numbers[i].least, (int)numbers[i].most);
    }
    return arena_printf(arena, "%s is not known", item->string);
}

const char *fal_set_settings(struct fal *fal, struct arena *arena, const cJSON *body)
{
    cJSON *record = fal_describe_settings(fal, arena);
    const cJSON *item;

    cJSON_ArrayForEach(item, body) {
        const char *wrong = check(arena, item);
        if (wrong)
            return wrong;
        json_set(record, item->string, cJSON_Duplicate(item, true));
    }
    world_put_record(fal->sandbox->world, arena, kind, id, record);
    fal_load_settings(fal);
    fal_pump(fal);
    return NULL;
}
