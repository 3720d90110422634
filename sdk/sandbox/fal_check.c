/*
 * Models that look at pictures: is it fit to be seen, and is there a face? A picture of which a
 * quarter is magenta is not; in one of which a quarter is cyan there is nobody.
 */
#include <string.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/picture.h"
#include "sdk/sandbox/sandbox.h"

enum { LARGEST = 32 << 20, MOST_LOOKED_AT = 10 };

static const double enough = 0.25;

struct check {
    struct fal_bytes file;
    enum picture_result result;
    struct picture picture;
};

struct checks {
    struct check items[MOST_LOOKED_AT];
    int count;
};

static int look(void *arg)
{
    struct check *check = arg;

    check->result = picture_read(check->file.bytes, check->file.size, 0, &check->picture);
    return 0;
}

static AISHA_ASYNC bool add(struct fal_work *work, struct checks *checks, const cJSON *url,
                            bool is_in_list)
{
    struct check *check = &checks->items[checks->count];
    int index = checks->count;

    if (!fal_fetch(work, url->valuestring,
                   is_in_list ? fal_location_in("image_urls", index, NULL)
                              : fal_location("image_url"),
                   LARGEST, &check->file))
        return false;
    if (workers_run(work->fal->sandbox->workers, look, check) < 0 || check->result != PICTURE_FINE)
        return fal_fail(work, "image_load_error",
                        is_in_list ? fal_location_in("image_urls", index, NULL)
                                   : fal_location("image_url"),
                        "Failed to load the image", NULL);
    checks->count++;
    return true;
}

bool fal_check_prepare(struct fal_work *work)
{
    struct checks *checks = arena_alloc(work->arena, sizeof *checks);
    const cJSON *list = json_get(work->input, "image_urls"), *url;

    work->prepared = checks;
    if (!list)
        return add(work, checks, json_get(work->input, "image_url"), false);
    cJSON_ArrayForEach(url, list) {
        if (checks->count < MOST_LOOKED_AT && !add(work, checks, url, true))
            return false;
    }
    return true;
}

static void add_box(cJSON *objects)
{
    static const char *const sides[] = {"x_min", "y_min", "x_max", "y_max"};
    cJSON *box = cJSON_CreateObject();

    for (int i = 0; i < 4; i++)
        json_set(box, sides[i], cJSON_CreateNumber(i < 2 ? 0.3 : 0.7));
    cJSON_AddItemToArray(objects, box);
}

bool fal_check_produce(struct fal_work *work)
{
    const struct checks *checks = work->prepared;
    const struct picture *first = &checks->items[0].picture;
    cJSON *output = json_keep(work->arena, cJSON_CreateObject());

    if (json_get(work->input, "image_urls")) {
        cJSON *flags = cJSON_AddArrayToObject(output, "has_nsfw_concepts");
        for (int i = 0; i < checks->count; i++)
            cJSON_AddItemToArray(flags,
                                 cJSON_CreateBool(checks->items[i].picture.magenta > enough));
    } else if (json_get(work->input, "object")) {
        cJSON *objects = cJSON_AddArrayToObject(output, "objects");
        if (first->cyan <= enough)
            add_box(objects);
        cJSON *image = cJSON_AddObjectToObject(output, "image");
        json_set_copy(image, "url", json_get(work->input, "image_url"));
        json_set_int(image, "width", first->width);
        json_set_int(image, "height", first->height);
    } else {
        json_set(output, "nsfw_probability",
                 cJSON_CreateNumber(first->magenta > enough ? 0.98 : 0.01));
    }
    return fal_succeed(work, json_text(work->arena, output));
}
