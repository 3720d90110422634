/*
 * Generators: a prompt becomes pictures of the size that was asked for.
 *
 * Three phrases in a prompt are signs: "sandbox nsfw" is flagged (and comes black while the checker is
 * on), "sandbox policy" is refused, "sandbox nothing" gives nothing.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "sdk/sandbox/draw.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/picture.h"
#include "sdk/sandbox/sandbox.h"

enum {
    LARGEST_WEIGHTS = 256 << 20,
    LARGEST_PICTURE = 32 << 20,
    MOST_PIXELS = 1 << 24,
    MOST_IMAGES = 8,
    PICTURE_SIDE = 256,
    GRAIN = 16, /* sides of pictures with an aspect ratio are multiples */
};

struct generation {
    int width, height;
    int64_t seed;
    struct draw_part parts[DRAW_PARTS];
    int part_count;
};

/* ---- the seed ---- */

/* The value of the member "seed" of that object, as it is written: trees would round it. */
static bool written_seed(const char *text, int64_t *ret_seed)
{
    int depth = 0;

    for (const char *c = text; *c; c++) {
        if (*c == '{' || *c == '[')
            depth++;
        else if (*c == '}' || *c == ']')
            depth--;
        if (*c != '"')
            continue;
        const char *start = c + 1;
        for (c++; *c && *c != '"'; c++)
            c += *c == '\\' && c[1];
        if (!*c)
            return false;
        const char *after = c + 1 + strspn(c + 1, " \t\r\n");
        if (depth == 1 && *after == ':' && c - start == 4 && memcmp(start, "seed", 4) == 0) {
            *ret_seed = strtoll(after + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

/* One of its own is longer than a double holds: as at fal.ai. */
static int64_t choose_seed(const struct fal_work *work)
{
    uint64_t random = 0;
    int64_t seed;

    if (cJSON_IsNumber(json_get(work->input, "seed")) && written_seed(work->input_text, &seed))
        return seed;
    if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
        abort();
    return (int64_t)(random >> 2 | UINT64_C(1) << 58 | 1);
}

/* ---- the size ---- */

static bool named_size(const char *name, struct generation *generation)
{
    static const struct {
        const char *name;
        int width, height;
    } sizes[] = {
        {"square_hd", 1024, 1024},    {"square", 512, 512},         {"portrait_4_3", 768, 1024},
        {"portrait_16_9", 576, 1024}, {"landscape_4_3", 1024, 768}, {"landscape_16_9", 1024, 576},
    };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(sizes[i].name, name) == 0) {
            generation->width = sizes[i].width;
            generation->height = sizes[i].height;
            return true;
        }
    }
    return false;
}

/* About as many pixels as a square of that side has. */
static bool size_of_ratio(const char *ratio, double side, struct generation *generation)
{
    int wide = 1, high = 1;
    char end;

    if (strcmp(ratio, "auto") != 0 && (sscanf(ratio, "%d:%d%c", &wide, &high, &end) != 2 ||
                                       wide < 1 || high < 1 || wide > 100 || high > 100))
        return false;
    double stretch = sqrt((double)wide / high);
    generation->width = (int)round(side * stretch / GRAIN) * GRAIN;
    generation->height = (int)round(side / stretch / GRAIN) * GRAIN;
    return generation->width > 0 && generation->height > 0;
}

/* Side of the square that a resolution stands for. */
static double side_of(const cJSON *input)
{
    const char *resolution = json_get_text(input, "resolution");

    return resolution ? 1024 * strtod(resolution, NULL) : 2048;
}

static bool choose_size(struct fal_work *work, struct generation *generation)
{
    const cJSON *size = json_get(work->input, "image_size"), *given = size ? size : work->input;
    const char *ratio = json_get_text(work->input, "aspect_ratio");

    if (cJSON_IsString(size)) {
        named_size(size->valuestring, generation);
    } else if (ratio && !size) {
        if (!size_of_ratio(ratio, side_of(work->input), generation))
            return fal_fail(work, "value_error", fal_location("aspect_ratio"),
                            "Invalid aspect ratio", NULL);
    } else {
        generation->width = (int)json_get_int(given, "width", 512);
        generation->height = (int)json_get_int(given, "height", 512);
    }
    if (generation->width < 1 || generation->height < 1 ||
        generation->width > MOST_PIXELS / generation->height)
        return fal_fail(work, "image_too_large", fal_location("image_size"),
                        "Image dimensions are too large", NULL);
    return true;
}

/* ---- what goes in ---- */

static struct draw_part *next_part(struct generation *generation)
{
    return generation->part_count < DRAW_PARTS ? &generation->parts[generation->part_count++]
                                               : NULL;
}

static AISHA_ASYNC bool add_lora(struct fal_work *work, struct generation *generation, int index,
                                 const cJSON *item)
{
    const char *path = json_get_text(item, "path");
    const cJSON *scale = json_get(item, "scale");
    struct fal_bytes weights;
    struct fal_lora lora;

    if (!fal_fetch(work, path, fal_location_in("loras", index, "path"), LARGEST_WEIGHTS, &weights))
        return false;
    if (!fal_find_lora(work->fal, work->arena, weights, &lora))
        return fal_fail(work, "value_error", fal_location_in("loras", index, "path"),
                        "Failed to load the LoRA weights: they were not made here", NULL);
    struct draw_part *part = next_part(generation);
    if (part)
        *part = (struct draw_part){
            arena_printf(work->arena, "LoRA %s x%.2g\n%s\n%" PRId64 " steps, %" PRId64 " images",
                         lora.trigger ? lora.trigger : lora.id,
                         cJSON_IsNumber(scale) ? scale->valuedouble : 1, lora.trainer, lora.steps,
                         lora.images),
            lora.portrait.bytes, lora.portrait.size};
    return true;
}

/* A picture that is looked at on a worker thread. */
struct look {
    struct fal_bytes file;
    enum picture_result result;
    struct picture picture;
};

static int look(void *arg)
{
    struct look *look = arg;

    look->result = picture_read(look->file.bytes, look->file.size, PICTURE_SIDE, &look->picture);
    return 0;
}

/* The picture at the address in that member; without one there is nothing to do. */
static AISHA_ASYNC bool add_picture(struct fal_work *work, struct generation *generation,
                                    const char *name)
{
    const char *url = json_get_text(work->input, name);
    struct look looked = {.result = PICTURE_BROKEN};

    if (!url)
        return true;
    if (!fal_fetch(work, url, fal_location(name), LARGEST_PICTURE, &looked.file))
        return false;
    if (workers_run(work->fal->sandbox->workers, look, &looked) < 0 ||
        looked.result != PICTURE_FINE)
        return fal_fail(work, "image_load_error", fal_location(name), "Failed to load the image",
                        NULL);
    size_t size = looked.picture.thumbnail_size;
    const void *thumbnail = size ? arena_memdup(work->arena, looked.picture.thumbnail, size) : NULL;
    free(looked.picture.thumbnail);
    struct draw_part *part = next_part(generation);
    if (part)
        *part = (struct draw_part){name, thumbnail, size};
    return true;
}

bool fal_image_prepare(struct fal_work *work)
{
    static const char *const pictures[] = {"reference_image_url", "face_image_url", "image_url"};
    struct generation *generation = arena_alloc(work->arena, sizeof *generation);
    const char *prompt = json_get_text(work->input, "prompt");
    const cJSON *item;
    int index = 0;

    work->prepared = generation;
    generation->seed = choose_seed(work);
    if (json_get(work->input, "finetune_id"))
        return fal_fail(work, "value_error", fal_location("finetune_id"),
                        "There is no such finetune", NULL);
    if (strstr(prompt, "sandbox policy"))
        return fal_fail(work, "content_policy_violation", fal_location("prompt"),
                        "The content could not be processed because it contained material "
                        "flagged by a content checker.",
                        NULL);
    if (strstr(prompt, "sandbox nothing"))
        return fal_fail(work, "no_media_generated", fal_location("prompt"),
                        "No media was generated", NULL);
    if (!choose_size(work, generation))
        return false;
    cJSON_ArrayForEach(item, json_get(work->input, "loras")) {
        if (!add_lora(work, generation, index++, item))
            return false;
    }
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (!add_picture(work, generation, pictures[i]))
            return false;
    return true;
}

/* ---- what comes out ---- */

static uint64_t hash_text(const char *text, uint64_t hash)
{
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return hash;
}

static const char *data_url(struct arena *arena, const char *type, const void *bytes, size_t size)
{
    unsigned char *text = arena_alloc(arena, (size + 2) / 3 * 4 + 1);

    EVP_EncodeBlock(text, bytes, (int)size);
    return arena_printf(arena, "data:%s;base64,%s", type, (const char *)text);
}

/* Draws one, and describes it as an Image. NULL when that fails. */
static AISHA_ASYNC cJSON *make_image(struct fal_work *work, int index, bool is_black)
{
    struct generation *generation = work->prepared;
    struct arena *arena = work->arena;
    const cJSON *input = work->input, *steps = json_get(input, "num_inference_steps");
    const char *format = json_get_text(input, "output_format");
    struct draw_scene scene = {.width = generation->width,
                               .height = generation->height,
                               .format = format ? format : "jpeg",
                               .title = work->model->id,
                               .prompt = json_get_text(input, "prompt"),
                               .is_black = is_black,
                               .part_count = generation->part_count};

    scene.numbers = arena_printf(arena, "seed %" PRId64 ", image %d, %dx%d%s", generation->seed,
                                 index + 1, scene.width, scene.height,
                                 steps ? arena_printf(arena, ", %d steps", steps->valueint) : "");
    scene.seed = hash_text(scene.prompt, hash_text(scene.title, (uint64_t)generation->seed)) +
                 (uint64_t)index;
    memcpy(scene.parts, generation->parts, sizeof scene.parts);
    if (workers_run(work->fal->sandbox->workers, draw, &scene) < 0 || !scene.bytes)
        return NULL;
    const char *type = arena_printf(arena, "image/%s", scene.format);
    const char *name = arena_printf(arena, "image_%d.%s", index,
                                    strcmp(scene.format, "jpeg") == 0 ? "jpg" : scene.format);
    cJSON *image = json_keep(arena, cJSON_CreateObject());
    if (json_get_bool(input, "sync_mode"))
        json_set_text(image, "url", data_url(arena, type, scene.bytes, scene.size));
    else
        image = fal_add_file(work->fal, arena, work->base, name, type, scene.bytes, scene.size);
    json_set_text(image, "content_type", type);
    json_set_int(image, "width", scene.width);
    json_set_int(image, "height", scene.height);
    free(scene.bytes);
    return image;
}

/* The members that this family of models gives. */
static const char *output_of(struct fal_work *work, const cJSON *images, const cJSON *flags)
{
    struct generation *generation = work->prepared;
    cJSON *output = json_keep(work->arena, cJSON_CreateObject());
    char seed[32];

    snprintf(seed, sizeof seed, "%" PRId64, generation->seed);
    if (strstr(work->model->id, "nano-banana")) {
        json_set_copy(output, "images", images);
        json_set_text(output, "description", "");
        return json_text(work->arena, output);
    }
    if (strstr(work->model->id, "ip-adapter")) {
        json_set_copy(output, "image", images->child);
        json_set(output, "seed", cJSON_CreateRaw(seed));
        return json_text(work->arena, output);
    }
    json_set_copy(output, "images", images);
    cJSON *timings = cJSON_AddObjectToObject(output, "timings");
    json_set(timings, "inference",
             cJSON_CreateNumber((double)work->fal->settings.generation_ms / 1000));
    json_set(output, "seed", cJSON_CreateRaw(seed));
    json_set_copy(output, "has_nsfw_concepts", flags);
    json_set_copy(output, "prompt", json_get(work->input, "prompt"));
    return json_text(work->arena, output);
}

bool fal_image_produce(struct fal_work *work)
{
    cJSON *images = json_keep(work->arena, cJSON_CreateArray());
    cJSON *flags = json_keep(work->arena, cJSON_CreateArray());
    int count =
        (int)json_get_int(work->input, "num_images", json_get_int(work->input, "num_samples", 1));
    bool is_flagged = strstr(json_get_text(work->input, "prompt"), "sandbox nsfw") &&
                      json_get_bool(work->input, "enable_safety_checker");

    if (count < 1 || count > MOST_IMAGES)
        return fal_fail(work, "less_than_equal", fal_location("num_images"),
                        "Input should be less than or equal to 8", NULL);
    for (int i = 0; i < count; i++) {
        cJSON *image = make_image(work, i, is_flagged);
        if (!image) {
            work->is_retryable = true;
            return fal_fail(work, "internal_server_error", fal_location("prompt"),
                            "The picture could not be drawn", NULL);
        }
        cJSON_AddItemToArray(images, cJSON_Duplicate(image, true));
        cJSON_AddItemToArray(flags, cJSON_CreateBool(is_flagged));
    }
    return fal_succeed(work, output_of(work, images, flags));
}
