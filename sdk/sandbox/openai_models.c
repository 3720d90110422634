#include <string.h>
#include <time.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/openai.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { CREATED = 1677532384 };

static const char *const whisper[] = {"json", "text", "srt", "verbose_json", "vtt", NULL};
static const char *const plain[] = {"json", "text", NULL};
static const char *const diarized[] = {"json", "text", "diarized_json", NULL};

static const struct openai_model models[] = {
    {"gpt-transcribe", OPENAI_TRANSCRIBES, NULL, plain},
    {"whisper-1", OPENAI_TRANSCRIBES, "2027-02-26", whisper},
    {"gpt-4o-transcribe", OPENAI_TRANSCRIBES, "2027-02-26", plain},
    {"gpt-4o-mini-transcribe", OPENAI_TRANSCRIBES, "2027-02-26", plain},
    {"gpt-4o-mini-transcribe-2025-12-15", OPENAI_TRANSCRIBES, "2027-02-26", plain},
    {"gpt-4o-transcribe-diarize", OPENAI_TRANSCRIBES, "2027-02-26", diarized},
    {"gpt-6.1-sol", OPENAI_CHATS | OPENAI_REASONS, NULL, NULL},
    {"gpt-6.1-terra", OPENAI_CHATS | OPENAI_REASONS, NULL, NULL},
    {"gpt-6-luna", OPENAI_CHATS | OPENAI_REASONS, NULL, NULL},
    {"gpt-6-astra", OPENAI_CHATS | OPENAI_REASONS, NULL, NULL},
    {"gpt-5", OPENAI_CHATS | OPENAI_REASONS, "2026-12-11", NULL},
    {"gpt-5-mini", OPENAI_CHATS | OPENAI_REASONS, "2026-12-11", NULL},
    {"gpt-5-nano", OPENAI_CHATS | OPENAI_REASONS, "2026-12-11", NULL},
    {"o3", OPENAI_CHATS | OPENAI_REASONS, "2026-12-11", NULL},
    {"gpt-4o", OPENAI_CHATS, "2027-01-14", NULL},
    {"gpt-4o-mini", OPENAI_CHATS, "2027-01-14", NULL},
    {"gpt-4.1", OPENAI_CHATS, "2027-01-14", NULL},
    {"gpt-4.1-mini", OPENAI_CHATS, "2027-01-14", NULL},
    {"omni-moderation-latest", OPENAI_MODERATES | OPENAI_SEES, NULL, NULL},
    {"omni-moderation-2024-09-26", OPENAI_MODERATES | OPENAI_SEES, NULL, NULL},
    {"text-moderation-latest", OPENAI_MODERATES, NULL, NULL},
    {"text-moderation-stable", OPENAI_MODERATES, NULL, NULL},
};

enum { MODELS = sizeof models / sizeof *models };

/* By the sandbox's clock, or because a test says so. */
static bool is_gone(const struct sandbox *sandbox, const struct openai_model *model)
{
    const time_t now = (time_t)world_now(sandbox->world);
    const cJSON *gone;
    char today[16];
    struct tm tm;

    cJSON_ArrayForEach(gone, sandbox->openai.gone) {
        if (cJSON_IsString(gone) && strcmp(gone->valuestring, model->id) == 0)
            return true;
    }
    gmtime_r(&now, &tm);
    strftime(today, sizeof today, "%Y-%m-%d", &tm);
    return model->shutdown_date && strcmp(today, model->shutdown_date) >= 0;
}

static const struct openai_model *find(const struct sandbox *sandbox, const char *id)
{
    for (size_t i = 0; i < MODELS; i++)
        if (strcmp(models[i].id, id) == 0)
            return is_gone(sandbox, &models[i]) ? NULL : &models[i];
    return NULL;
}

static AISHA_ASYNC void refuse(struct openai_call *call, const char *id)
{
    openai_fail(call, 404, NULL, "model_not_found",
                arena_printf(call->arena,
                             "The model `%s` does not exist or you do not have access to it.", id));
}

const struct openai_model *openai_model(struct openai_call *call, const char *id,
                                        enum openai_ability ability)
{
    const struct openai_model *model = id ? find(call->sandbox, id) : NULL;

    if (!id || !*id) {
        openai_fail(call, 400, "model", NULL, "you must provide a model parameter");
        return NULL;
    }
    if (!model) {
        refuse(call, id);
        return NULL;
    }
    if (model->abilities & ability)
        return model;
    openai_fail(call, ability == OPENAI_CHATS ? 404 : 400, "model", NULL,
                arena_printf(call->arena, "The model `%s` is not supported by this endpoint.", id));
    return NULL;
}

static cJSON *describe(const struct openai_model *model)
{
    cJSON *item = cJSON_CreateObject();

    json_set_text(item, "id", model->id);
    json_set_text(item, "object", "model");
    json_set_int(item, "created", CREATED);
    json_set_text(item, "owned_by", "sandbox");
    if (model->shutdown_date)
        json_set_text(item, "shutdown_date", model->shutdown_date);
    return item;
}

void openai_list_models(struct openai_call *call)
{
    cJSON *body = json_keep(call->arena, cJSON_CreateObject());

    json_set_text(body, "object", "list");
    cJSON *data = cJSON_AddArrayToObject(body, "data");
    for (size_t i = 0; i < MODELS; i++)
        if (!is_gone(call->sandbox, &models[i]))
            cJSON_AddItemToArray(data, describe(&models[i]));
    openai_answer_json(call, body);
}

void openai_show_model(struct openai_call *call, const char *id)
{
    const struct openai_model *model = find(call->sandbox, id);

    json_set_text(call->params.values, "model", id);
    if (model)
        openai_answer_json(call, json_keep(call->arena, describe(model)));
    else
        refuse(call, id);
}
