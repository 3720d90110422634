/*
 * Trainers: an archive of pictures becomes weights.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "sdk/sandbox/archive.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/picture.h"
#include "sdk/sandbox/sandbox.h"

enum {
    LARGEST_ARCHIVE = 256 << 20,
    LARGEST_FILE = 64 << 20,
    LARGEST_UNPACKED = 1 << 30,
    MOST_FILES = 2000,
    LEAST_IMAGES = 4,
    LEAST_SIDE = 64,
    LARGEST_SIDE = 14142,
    PORTRAIT_SIDE = 256,
    LONGEST_NAME = 200,
};

/* What a worker thread finds out about an archive. */
struct inspection {
    struct fal_bytes archive;
    bool looks_for_faces;
    enum archive_result result;
    int images;
    const char *wrong; /* type of the error, or NULL */
    char wrong_name[LONGEST_NAME];
    struct picture first; /* its thumbnail */
};

struct training {
    int64_t images;
    struct fal_bytes portrait;
};

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);

    return length >= end_length && strcasecmp(name + length - end_length, end) == 0;
}

/* Captions, masks and what systems leave in archives are not looked at. */
static bool is_image(const char *name)
{
    static const char *const extensions[] = {".png", ".jpg", ".jpeg", ".webp", ".gif"};
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;

    if (*base == '.' || strncmp(name, "__MACOSX/", 9) == 0 || strstr(base, "_mask."))
        return false;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (ends_with(base, extensions[i]))
            return true;
    return false;
}

static const char *judge(const struct inspection *inspection, enum picture_result result,
                         const struct picture *picture)
{
    int shorter = picture->width < picture->height ? picture->width : picture->height;
    int longer = picture->width < picture->height ? picture->height : picture->width;

    if (result == PICTURE_TOO_LARGE || longer > LARGEST_SIDE)
        return "image_too_large";
    if (result == PICTURE_UNKNOWN)
        return "unsupported_image_format";
    if (result == PICTURE_BROKEN)
        return "image_load_error";
    if (shorter < LEAST_SIDE)
        return "image_too_small";
    if (inspection->looks_for_faces && picture->cyan > 0.25)
        return "face_detection_error";
    return NULL;
}

static bool look_at(void *user, const char *name, const void *bytes, size_t size)
{
    struct inspection *inspection = user;
    struct picture picture;

    if (!is_image(name))
        return true;
    enum picture_result result =
        picture_read(bytes, size, inspection->images ? 0 : PORTRAIT_SIDE, &picture);
    if (!inspection->images)
        inspection->first = picture;
    inspection->images++;
    inspection->wrong = judge(inspection, result, &picture);
    if (inspection->wrong)
        strncpy(inspection->wrong_name, name, LONGEST_NAME - 1);
    return !inspection->wrong;
}

static int inspect(void *arg)
{
    static const struct archive_limits limits = {MOST_FILES, LARGEST_FILE, LARGEST_UNPACKED};
    struct inspection *inspection = arg;

    inspection->result = archive_each(inspection->archive.bytes, inspection->archive.size, &limits,
                                      look_at, inspection);
    return 0;
}

static bool looks_for_faces(const struct fal_work *work)
{
    const cJSON *input = work->input;
    const char *style = json_get_text(input, "training_style");

    if (strstr(work->model->id, "portrait"))
        return json_get_bool(input, "subject_crop") || json_get_bool(input, "create_masks");
    if (style)
        return strcmp(style, "subject") == 0 && json_get_bool(input, "face_crop");
    return json_get_bool(input, "create_masks") && !json_get_bool(input, "is_style");
}

static const char *words_for(const char *type)
{
    static const struct {
        const char *type, *words;
    } known[] = {
        {"image_too_large", "Image dimensions are too large"},
        {"image_too_small", "Image dimensions are too small"},
        {"unsupported_image_format", "Unsupported image format"},
        {"image_load_error", "Failed to load the image"},
        {"face_detection_error", "Could not detect face in the image"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].type, type) == 0)
            return known[i].words;
    return type;
}

static cJSON *limit(const char *name, double value)
{
    cJSON *ctx = cJSON_CreateObject();

    json_set(ctx, name, cJSON_CreateNumber(value));
    return ctx;
}

/* Ends the work unless the archive is as it should be. */
static bool judge_archive(struct fal_work *work, const char *field,
                          const struct inspection *inspection)
{
    if (inspection->result == ARCHIVE_BROKEN)
        return fal_fail(work, "unsupported_archive_format", fal_location(field),
                        "The archive could not be opened. Supported formats: zip", NULL);
    if (inspection->result == ARCHIVE_TOO_LARGE)
        return fal_fail(work, "file_too_large", fal_location(field),
                        "The archive unpacks to more than is allowed",
                        limit("max_size", LARGEST_UNPACKED));
    if (inspection->result == ARCHIVE_TOO_MANY)
        return fal_fail(work, "sequence_too_long", fal_location(field),
                        "The archive has too many files", limit("max_length", MOST_FILES));
    if (inspection->wrong)
        return fal_fail(work, inspection->wrong, fal_location(field),
                        arena_printf(work->arena, "%s: %s", words_for(inspection->wrong),
                                     inspection->wrong_name),
                        NULL);
    if (inspection->images < LEAST_IMAGES)
        return fal_fail(work, "sequence_too_short", fal_location(field),
                        arena_printf(work->arena,
                                     "The archive has %d images, at least %d are needed",
                                     inspection->images, LEAST_IMAGES),
                        limit("min_length", LEAST_IMAGES));
    return true;
}

bool fal_train_prepare(struct fal_work *work)
{
    const char *field =
        json_get(work->input, "image_data_url") ? "image_data_url" : "images_data_url";
    struct inspection inspection = {.looks_for_faces = looks_for_faces(work)};
    struct training *training = arena_alloc(work->arena, sizeof *training);

    if (!fal_fetch(work, json_get_text(work->input, field), fal_location(field), LARGEST_ARCHIVE,
                   &inspection.archive))
        return false;
    if (workers_run(work->fal->sandbox->workers, inspect, &inspection) < 0)
        inspection.result = ARCHIVE_BROKEN;
    const struct picture *first = &inspection.first;
    *training = (struct training){.images = inspection.images};
    if (first->thumbnail)
        training->portrait =
            (struct fal_bytes){arena_memdup(work->arena, first->thumbnail, first->thumbnail_size),
                               first->thumbnail_size};
    free(first->thumbnail);
    work->prepared = training;
    return judge_archive(work, field, &inspection);
}

bool fal_train_produce(struct fal_work *work)
{
    static const char *const triggers[] = {"trigger_phrase", "trigger_word", "default_caption"};
    const struct training *training = work->prepared;
    struct fal_lora lora = {.trainer = work->model->id,
                            .steps = json_get_int(work->input, "steps", 1000),
                            .images = training->images,
                            .portrait = training->portrait};
    cJSON *output = json_keep(work->arena, cJSON_CreateObject());

    for (size_t i = 0; i < sizeof triggers / sizeof *triggers && !lora.trigger; i++)
        lora.trigger = json_get_text(work->input, triggers[i]);
    const char *config = json_text(work->arena, work->input);
    json_set_copy(output, "diffusers_lora_file", fal_make_lora(work, &lora));
    json_set_copy(output, "config_file",
                  fal_add_file(work->fal, work->arena, work->base, "config.json",
                               "application/json", config, strlen(config)));
    return fal_succeed(work, json_text(work->arena, output));
}
