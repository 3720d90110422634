/*
 * Moderation. A text is flagged for a category by the words "sandbox <category>", such as "sandbox
 * violence/graphic"; a picture, as sexual, when a quarter of it is magenta.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/openai.h"
#include "sdk/sandbox/sandbox.h"

enum { MOST_INPUTS = 1000, IMAGE_TOKENS = 85 };

static const double enough = 0.25, sure = 0.98, doubtful = 0.0001;

static const struct category {
    const char *name;
    bool sees; /* pictures are judged by it, too */
} categories[] = {
    {"harassment", false},
    {"harassment/threatening", false},
    {"sexual", true},
    {"hate", false},
    {"hate/threatening", false},
    {"illicit", false},
    {"illicit/violent", false},
    {"self-harm/intent", true},
    {"self-harm/instructions", true},
    {"self-harm", true},
    {"sexual/minors", false},
    {"violence", true},
    {"violence/graphic", true},
};

enum { CATEGORIES = sizeof categories / sizeof *categories };

/* One of the results: all of a text, or of texts and pictures together. */
struct subject {
    bool has_text, has_image;
    bool is_flagged[CATEGORIES];
};

/* Whether the text has the words, and not those of a longer name. */
static bool has_words(struct arena *arena, const char *text, const char *category)
{
    const char *words = arena_printf(arena, "sandbox %s", category);
    const char *at = strstr(text, words);

    for (; at; at = strstr(at + 1, words))
        if (!strchr("/-", at[strlen(words)]) || !at[strlen(words)])
            return true;
    return false;
}

static void add_text(struct arena *arena, struct subject *subject, const char *text)
{
    subject->has_text = true;
    for (size_t i = 0; i < CATEGORIES; i++)
        subject->is_flagged[i] |= has_words(arena, text, categories[i].name);
}

static void add_image(struct subject *subject, const struct openai_image *image)
{
    subject->has_image = true;
    for (size_t i = 0; i < CATEGORIES; i++)
        subject->is_flagged[i] |=
            image->magenta > enough && strcmp(categories[i].name, "sexual") == 0;
}

static cJSON *describe(const struct subject *subject)
{
    cJSON *result = cJSON_CreateObject();
    bool is_flagged = false;

    for (size_t i = 0; i < CATEGORIES; i++)
        is_flagged |= subject->is_flagged[i];
    json_set_bool(result, "flagged", is_flagged);
    cJSON *flags = cJSON_AddObjectToObject(result, "categories");
    cJSON *scores = cJSON_AddObjectToObject(result, "category_scores");
    cJSON *types = cJSON_AddObjectToObject(result, "category_applied_input_types");
    for (size_t i = 0; i < CATEGORIES; i++) {
        const char *name = categories[i].name;
        json_set_bool(flags, name, subject->is_flagged[i]);
        json_set(scores, name, cJSON_CreateNumber(subject->is_flagged[i] ? sure : doubtful));
        cJSON *applied = cJSON_AddArrayToObject(types, name);
        if (subject->has_text)
            cJSON_AddItemToArray(applied, cJSON_CreateString("text"));
        if (subject->has_image && categories[i].sees)
            cJSON_AddItemToArray(applied, cJSON_CreateString("image"));
    }
    return result;
}

static AISHA_ASYNC bool bad_input(struct openai_call *call)
{
    return openai_fail(call, 400, "input", NULL, "Invalid value for 'input'.");
}

/* A part of a multimodal input. false after having answered. */
static AISHA_ASYNC bool add_part(struct openai_call *call, const struct openai_model *model,
                                 const cJSON *part, struct subject *subject)
{
    const char *type = json_get_text(part, "type"), *text = json_get_text(part, "text");
    const char *url = json_get_text(json_get(part, "image_url"), "url");
    struct openai_image image;

    if (type && text && strcmp(type, "text") == 0) {
        add_text(call->arena, subject, text);
        return true;
    }
    if (!type || !url || strcmp(type, "image_url") != 0)
        return bad_input(call);
    if (!(model->abilities & OPENAI_SEES))
        return openai_fail(
            call, 400, "input", NULL,
            arena_printf(call->arena, "The model `%s` does not support images.", model->id));
    if (subject->has_image)
        return openai_fail(call, 400, "input", "too_many_images",
                           "Too many images in request, at most 1 is allowed.");
    if (!openai_look(call, url, &image))
        return false;
    add_image(subject, &image);
    return true;
}

/* An array: of texts, each with a result, or of parts, with one together. */
static AISHA_ASYNC bool judge_list(struct openai_call *call, const struct openai_model *model,
                                   const cJSON *input, cJSON *results)
{
    bool has_texts = cJSON_IsString(input->child);
    struct subject together = {0};
    const cJSON *item;

    cJSON_ArrayForEach(item, input) {
        if (cJSON_IsString(item) != has_texts)
            return bad_input(call);
        struct subject alone = {0};
        if (has_texts) {
            add_text(call->arena, &alone, item->valuestring);
            cJSON_AddItemToArray(results, describe(&alone));
        } else if (!add_part(call, model, item, &together)) {
            return false;
        }
    }
    if (!has_texts)
        cJSON_AddItemToArray(results, describe(&together));
    return true;
}

/* A scripted answer: the categories that are flagged, whatever the input. */
static void judge_by_script(const cJSON *script, cJSON *results)
{
    struct subject subject = {.has_text = true};
    const cJSON *name;

    cJSON_ArrayForEach(name, script) {
        for (size_t i = 0; i < CATEGORIES; i++)
            subject.is_flagged[i] |=
                cJSON_IsString(name) && strcmp(name->valuestring, categories[i].name) == 0;
    }
    cJSON_AddItemToArray(results, describe(&subject));
}

void openai_moderate(struct openai_call *call)
{
    const cJSON *input = json_get(call->params.values, "input");
    const char *id = json_get_text(call->params.values, "model");
    cJSON *body = json_keep(call->arena, cJSON_CreateObject());
    struct subject alone = {0};

    const struct openai_model *model =
        openai_model(call, id ? id : "omni-moderation-latest", OPENAI_MODERATES);
    if (!model || !openai_spend(call, IMAGE_TOKENS))
        return;
    json_set_text(body, "id", openai_id(call, "modr"));
    json_set_text(body, "model", model->id);
    cJSON *results = cJSON_AddArrayToObject(body, "results");
    bool is_list = cJSON_IsArray(input) && input->child && cJSON_GetArraySize(input) <= MOST_INPUTS;
    if (!cJSON_IsString(input) && !is_list) {
        bad_input(call);
        return;
    }
    cJSON *script = cJSON_DetachItemFromArray(call->sandbox->openai.moderation, 0);
    if (script) {
        judge_by_script(json_keep(call->arena, script), results);
    } else if (cJSON_IsString(input)) {
        add_text(call->arena, &alone, input->valuestring);
        cJSON_AddItemToArray(results, describe(&alone));
    } else if (!judge_list(call, model, input, results)) {
        return;
    }
    openai_answer_json(call, body);
}
