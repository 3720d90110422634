#include "models.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

enum { MEGAPIXEL = 1024 * 1024, SIZE_UNIT = 16 };

#define FLUX_1 "flux-1"
#define FLUX_2 "flux-2"
#define ALL_RATIOS "21:9 16:9 3:2 4:3 1:1 3:4 2:3 9:16"

/* clang-format off */
static const struct model_shape shapes[] = {
    {.id = "fal-ai/flux-lora-portrait-trainer", .uses = MODEL_PORTRAIT, .family = FLUX_1,
     .photos = "images_data_url", .trigger = "trigger_phrase", .masks = "create_masks",
     .crop = "subject_crop", .rate = "learning_rate", .steps_unit = 1,
     .more = ",\"multiresolution_training\":true,\"data_archive_format\":\"zip\""},
    {.id = "fal-ai/flux-lora-fast-training", .uses = MODEL_PORTRAIT | MODEL_STYLE, .family = FLUX_1,
     .photos = "images_data_url", .trigger = "trigger_word", .masks = "create_masks",
     .style = "is_style", .steps_unit = 1, .more = ",\"data_archive_format\":\"zip\""},
    {.id = "fal-ai/turbo-flux-trainer", .uses = MODEL_PORTRAIT | MODEL_STYLE, .family = FLUX_1,
     .photos = "images_data_url", .trigger = "trigger_phrase", .style = "training_style",
     .crop = "face_crop", .steps_unit = 1},
    {.id = "fal-ai/flux-2-trainer", .uses = MODEL_PORTRAIT | MODEL_STYLE, .family = FLUX_2,
     .photos = "image_data_url", .trigger = "default_caption", .rate = "learning_rate",
     .steps_unit = 100, .more = ",\"output_lora_format\":\"fal\""},
    {.id = "fal-ai/flux-2-trainer-v2", .uses = MODEL_PORTRAIT | MODEL_STYLE, .family = FLUX_2,
     .photos = "image_data_url", .trigger = "default_caption", .rate = "learning_rate",
     .steps_unit = 100, .more = ",\"output_lora_format\":\"fal\""},
    {.id = "fal-ai/flux-lora", .uses = MODEL_IMAGE | MODEL_LORA, .family = FLUX_1,
     .has_steps = true, .has_guidance = true, .has_safety = true, .has_seed = true,
     .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/flux/dev", .uses = MODEL_IMAGE, .has_steps = true, .has_guidance = true,
     .has_safety = true, .has_seed = true, .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/flux/schnell", .uses = MODEL_IMAGE, .has_safety = true, .has_seed = true,
     .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/flux-2/lora", .uses = MODEL_IMAGE | MODEL_LORA, .family = FLUX_2,
     .has_steps = true, .has_guidance = true, .has_safety = true, .has_seed = true,
     .more = ",\"output_format\":\"jpeg\",\"enable_prompt_expansion\":false"},
    {.id = "fal-ai/flux-2", .uses = MODEL_IMAGE, .has_steps = true, .has_guidance = true,
     .has_safety = true, .has_seed = true, .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/flux-pro/v1.1-ultra", .uses = MODEL_IMAGE, .has_safety = true, .has_seed = true,
     .ratios = ALL_RATIOS " 9:21", .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/nano-banana-2", .uses = MODEL_IMAGE, .has_seed = true, .ratios = ALL_RATIOS,
     .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/nano-banana-pro", .uses = MODEL_IMAGE, .has_seed = true, .ratios = ALL_RATIOS,
     .more = ",\"output_format\":\"jpeg\""},
    {.id = "fal-ai/imagen4/preview", .uses = MODEL_IMAGE, .ratios = "1:1 16:9 9:16 4:3 3:4",
     .more = ",\"output_format\":\"jpeg\""},
};

/* clang-format on */

static const struct model_shape *find_shape(const char *id)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].id, id) == 0)
            return &shapes[i];
    return NULL;
}

bool model_at(struct aisha_ctx *ctx, const char *setting, size_t n, struct model *ret)
{
    static const char separators[] = " ,\t\r\n";

    for (;; n--) {
        setting += strspn(setting, separators);
        size_t length = strcspn(setting, separators);
        if (length == 0)
            return false;
        if (n == 0) {
            char *id = aisha_printf(ctx, "%.*s", (int)length, setting);
            char *like = strchr(id, '=');
            if (like)
                *like++ = '\0';
            *ret = (struct model){.id = id, .shape = find_shape(like ? like : id)};
            return true;
        }
        setting += length;
    }
}

bool model_named(struct aisha_ctx *ctx, const struct fal_config *config, const char *id,
                 struct model *ret)
{
    const char *const settings[] = {config->portrait_models, config->style_models,
                                    config->lora_models, config->image_models};

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        for (size_t n = 0; model_at(ctx, settings[i], n, ret); n++)
            if (strcmp(ret->id, id) == 0)
                return true;
    return false;
}

const char *models_for(const struct fal_config *config, unsigned use)
{
    switch (use) {
    case MODEL_PORTRAIT:
        return config->portrait_models;
    case MODEL_STYLE:
        return config->style_models;
    case MODEL_LORA:
        return config->lora_models;
    default:
        return config->image_models;
    }
}

/* ---- training ---- */

static const char *flag(bool is_set)
{
    return is_set ? "true" : "false";
}

static const char *member(struct aisha_ctx *ctx, const char *name, const char *json)
{
    return name && json ? aisha_printf(ctx, ",\"%s\":%s", name, json) : "";
}

static const char *rate_of(struct aisha_ctx *ctx, const struct fal_preset *preset)
{
    return aisha_printf(ctx, "0.%06" PRId64, preset->rate_millionths);
}

int64_t training_steps(const struct model_shape *shape, const struct fal_preset *preset)
{
    int64_t unit = shape->steps_unit ? shape->steps_unit : 1;

    return (preset->steps + unit - 1) / unit * unit;
}

const char *training_input(struct aisha_ctx *ctx, const struct fal_config *config,
                           const struct model_shape *shape, const struct aisha_json *order,
                           const char *archive_url)
{
    const struct fal_preset preset = fal_preset_of(config, aisha_json_int(order, "preset"));
    const char *trigger = aisha_json_text(order, "trigger");
    int64_t wanted = aisha_json_int(order, "masks");
    bool is_style = aisha_json_int(order, "kind") == AISHA_TRAINING_STYLE;
    bool has_masks = wanted == AISHA_MASKS_BY_PRESET ? preset.has_masks : wanted == AISHA_MASKS_ON;
    const char *style = NULL;

    if (shape->style && strcmp(shape->style, "is_style") == 0)
        style = flag(is_style);
    else if (shape->style)
        style = is_style ? "\"style\"" : "\"subject\"";
    return aisha_concat(
        ctx,
        aisha_printf(ctx, "{\"%s\":%s,\"steps\":%" PRId64, shape->photos,
                     aisha_json_quote(ctx, archive_url), training_steps(shape, &preset)),
        member(ctx, shape->trigger, aisha_json_quote(ctx, trigger)),
        member(ctx, shape->masks, flag(has_masks && !is_style)), member(ctx, shape->style, style),
        member(ctx, shape->crop, flag(!is_style)), member(ctx, shape->rate, rate_of(ctx, &preset)),
        shape->more ? shape->more : "", "}", NULL);
}

/* ---- drawing ---- */

static bool read_ratio(const char *text, int64_t *ret_width, int64_t *ret_height)
{
    char *end;
    int64_t width = strtol(text, &end, 10), height;

    if (end == text || *end != ':')
        return false;
    text = end + 1;
    height = strtol(text, &end, 10);
    if (end == text || (*end != '\0' && *end != ' ') || width < 1 || height < 1 || width > 10000 ||
        height > 10000)
        return false;
    *ret_width = width;
    *ret_height = height;
    return true;
}

static int64_t square_root(int64_t value)
{
    int64_t root = 0;

    for (int64_t bit = (int64_t)1 << 24; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= value)
            root += bit;
    return root;
}

static int64_t rounded(int64_t size)
{
    return (size + SIZE_UNIT / 2) / SIZE_UNIT * SIZE_UNIT;
}

bool size_of_ratio(const char *ratio, int64_t *ret_width, int64_t *ret_height)
{
    int64_t width, height;

    if (strchr(ratio, ' ') || !read_ratio(ratio, &width, &height) || width > 4 * height ||
        height > 4 * width)
        return false;
    *ret_width = rounded(square_root(MEGAPIXEL * width / height));
    *ret_height = rounded(square_root(MEGAPIXEL * height / width));
    return true;
}

/* The ratio of the list that is nearest to the size. */
static const char *nearest_ratio(struct aisha_ctx *ctx, const char *ratios, int64_t width,
                                 int64_t height)
{
    const char *best = ratios;
    double least = -1;

    for (const char *at = ratios; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        int64_t w = 1, h = 1;
        if (!read_ratio(at, &w, &h))
            break;
        double quotient = (double)w * (double)height / ((double)h * (double)width);
        double distance = quotient > 1 ? quotient : 1 / quotient;
        if (least < 0 || distance < least) {
            least = distance;
            best = at;
        }
    }
    return aisha_printf(ctx, "%.*s", (int)strcspn(best, " "), best);
}

static const char *size_members(struct aisha_ctx *ctx, const struct model_shape *shape,
                                const struct aisha_json *order)
{
    int64_t width = aisha_json_int(order, "width"), height = aisha_json_int(order, "height");

    if (shape->ratios)
        return aisha_printf(ctx, ",\"aspect_ratio\":\"%s\"",
                            nearest_ratio(ctx, shape->ratios, width, height));
    return aisha_printf(ctx, ",\"image_size\":{\"width\":%" PRId64 ",\"height\":%" PRId64 "}",
                        width, height);
}

static const char *lora_members(struct aisha_ctx *ctx, const struct aisha_json *order,
                                const char *const *urls)
{
    size_t count = aisha_json_count(order, "loras");
    const char *list = "";

    if (count == 0)
        return "";
    for (size_t i = 0; i < count; i++) {
        double scale = aisha_json_real(order, aisha_printf(ctx, "loras[%zu].scale", i));
        list = aisha_printf(ctx, "%s%s{\"path\":%s,\"scale\":%.3f}", list, i ? "," : "",
                            aisha_json_quote(ctx, urls[i]), scale);
    }
    return aisha_printf(ctx, ",\"loras\":[%s]", list);
}

const char *drawing_input(struct aisha_ctx *ctx, const struct fal_config *config,
                          const struct model_shape *shape, const struct aisha_json *order,
                          const char *const *lora_urls)
{
    const char *seed = aisha_json_text(order, "seed");
    double guidance = aisha_json_real(order, "guidance");
    int64_t steps = aisha_json_int(order, "steps");

    return aisha_concat(
        ctx,
        aisha_printf(ctx, "{\"prompt\":%s,\"num_images\":%" PRId64,
                     aisha_json_quote(ctx, aisha_json_text(order, "prompt")),
                     aisha_json_int(order, "count")),
        size_members(ctx, shape, order), lora_members(ctx, order, lora_urls),
        shape->has_seed ? member(ctx, "seed", seed) : "",
        shape->has_guidance && guidance > 0
            ? member(ctx, "guidance_scale", aisha_printf(ctx, "%.2f", guidance))
            : "",
        shape->has_steps && steps > 0
            ? member(ctx, "num_inference_steps", aisha_printf(ctx, "%" PRId64, steps))
            : "",
        shape->has_safety ? member(ctx, "enable_safety_checker", flag(config->safety_checker)) : "",
        shape->more ? shape->more : "", "}", NULL);
}
