/*
 * The models there are. What their inputs may be is in sdk/spec/fal-models.json.
 */
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"

static const struct fal_model models[] = {
    {"fal-ai/flux-lora-portrait-trainer", true, fal_train_prepare, fal_train_produce},
    {"fal-ai/flux-lora-fast-training", true, fal_train_prepare, fal_train_produce},
    {"fal-ai/turbo-flux-trainer", true, fal_train_prepare, fal_train_produce},
    {"fal-ai/flux-2-trainer", true, fal_train_prepare, fal_train_produce},
    {"fal-ai/flux-2-trainer-v2", true, fal_train_prepare, fal_train_produce},
    {"fal-ai/flux-lora", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux-2/lora", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux/dev", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux/schnell", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux-2", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux-pro/v1.1-ultra", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux-pro/v1.1-ultra-finetuned", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/flux-pulid", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/ip-adapter-face-id", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/nano-banana-2", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/nano-banana-pro", false, fal_image_prepare, fal_image_produce},
    {"fal-ai/x-ailab/nsfw", false, fal_check_prepare, fal_check_produce},
    {"fal-ai/imageutils/nsfw", false, fal_check_prepare, fal_check_produce},
    {"fal-ai/moondream2/object-detection", false, fal_check_prepare, fal_check_produce},
};

enum { MODELS = sizeof models / sizeof *models };

const struct fal_model *fal_model_of(const char *id)
{
    for (size_t i = 0; id && i < MODELS; i++)
        if (strcmp(models[i].id, id) == 0)
            return &models[i];
    return NULL;
}

const struct fal_model *fal_model(const struct fal *fal, const char *id)
{
    const cJSON *gone;

    cJSON_ArrayForEach(gone, fal->settings.gone) {
        if (strcmp(gone->valuestring, id) == 0)
            return NULL;
    }
    return fal_model_of(id);
}

const cJSON *fal_model_input(const struct fal *fal, struct arena *arena, const char *id)
{
    const cJSON *newer = json_get(fal->catalogue, "sdk_2026_08");
    const cJSON *added = json_get(json_get(json_get(newer, "differences"), id), "input_added"),
                *property;
    const cJSON *known = json_get(json_get(fal->catalogue, "endpoints"), id);

    if (!known)
        known = json_get(json_get(newer, "endpoints"), id);
    cJSON *input = json_keep(arena, cJSON_Duplicate(json_get(known, "input"), true));
    cJSON_ArrayForEach(property, added)
        json_set_copy(json_get(input, "properties"), property->string, property);
    return input;
}

/* Those asked for by ?endpoint_id=, or all. */
static bool is_wanted(struct fal_call *call, const struct fal_model *model)
{
    const char *id = http_exchange_param(call->exchange, "endpoint_id");

    return fal_model(call->fal, model->id) && (!id || strcmp(id, model->id) == 0);
}

void fal_list_models(struct fal_call *call)
{
    cJSON *answer = json_keep(call->arena, cJSON_CreateObject());
    cJSON *list = cJSON_AddArrayToObject(answer, "models");

    for (size_t i = 0; i < MODELS; i++) {
        if (!is_wanted(call, &models[i]))
            continue;
        cJSON *item = cJSON_CreateObject(), *metadata;
        json_set_text(item, "endpoint_id", models[i].id);
        metadata = cJSON_AddObjectToObject(item, "metadata");
        json_set_text(metadata, "display_name", models[i].id);
        json_set_text(metadata, "category", models[i].is_trainer ? "training" : "text-to-image");
        json_set_text(metadata, "status", "active");
        cJSON_AddItemToArray(list, item);
    }
    json_set(answer, "next_cursor", cJSON_CreateNull());
    json_set_bool(answer, "has_more", false);
    fal_answer(call, 200, json_text(call->arena, answer));
}

void fal_list_prices(struct fal_call *call)
{
    cJSON *answer = json_keep(call->arena, cJSON_CreateObject());
    cJSON *list = cJSON_AddArrayToObject(answer, "prices");

    for (size_t i = 0; i < MODELS; i++) {
        if (!is_wanted(call, &models[i]))
            continue;
        cJSON *item = cJSON_CreateObject();
        json_set_text(item, "endpoint_id", models[i].id);
        json_set(item, "unit_price", cJSON_CreateNumber(models[i].is_trainer ? 0.0024 : 0.035));
        json_set_text(item, "unit", models[i].is_trainer ? "step" : "megapixel");
        json_set_text(item, "currency", "USD");
        cJSON_AddItemToArray(list, item);
    }
    fal_answer(call, 200, json_text(call->arena, answer));
}
