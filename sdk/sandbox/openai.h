/*
 * Between the files that simulate OpenAI.
 *
 *   openai.c                 paths, keys, limits, what an answer looks like
 *   openai_models.c          which models there are, what they can, and until when
 *   openai_transcription.c   what is heard in a file
 *   openai_chat.c            chat completions, with pictures and with schemas (openai_schema.c)
 *   openai_moderation.c      what is not fit to be said or seen
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

#include "sdk/sandbox/params.h"

struct arena;
struct fault;
struct http_exchange;
struct sandbox;
struct world;

/* How the double behaves: POST /sandbox/openai. All but the scripted answers outlives the sandbox, as
 * the record "setting", "openai". */
struct openai {
    struct world *world;
    char *key;   /* the only one that is good; NULL = any */
    cJSON *gone; /* models that are shut down, by id; or NULL */
    int64_t requests_per_minute, tokens_per_minute;
    double requests_left, tokens_left; /* at that time */
    int64_t left_at_ms;
    cJSON *chat, *moderation; /* scripted answers of the next calls */
};

struct openai_call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct arena *arena;
    const char *name;     /* for the log and for faults: "openai.chat" */
    struct params params; /* of a form, or the members of the body */
    const struct fault *fault;
};

/* --- openai.c --- */
void openai_start(struct openai *openai, struct world *world);
void openai_done(struct openai *openai);

/* As an object, and changing some: NULL, or what is wrong. */
cJSON *openai_describe(const struct openai *openai, struct arena *arena);
const char *openai_change(struct openai *openai, struct arena *arena, const cJSON *body);

AISHA_ASYNC void openai_answer(struct openai_call *call, int status, const char *type,
                               const char *body);
AISHA_ASYNC void openai_answer_json(struct openai_call *call, const cJSON *body);

/* Always false, for `return openai_fail(…)`. */
AISHA_ASYNC bool openai_fail(struct openai_call *call, int status, const char *param,
                             const char *code, const char *message);

/* Counts the request and what it says against the limits. false after having answered 429. */
AISHA_ASYNC bool openai_spend(struct openai_call *call, int64_t tokens);

/* About as many as a text has; and the members of "usage". */
int64_t openai_tokens(const char *text);

/* "chatcmpl-…" */
const char *openai_id(struct openai_call *call, const char *prefix);

/* --- openai_models.c --- */
enum openai_ability {
    OPENAI_TRANSCRIBES = 1,
    OPENAI_CHATS = 2,
    OPENAI_REASONS = 4, /* and takes no max_tokens and no temperature */
    OPENAI_MODERATES = 8,
    OPENAI_SEES = 16,
};

struct openai_model {
    const char *id;
    unsigned abilities;
    const char *shutdown_date;  /* or NULL */
    const char *const *formats; /* of transcriptions, ended by NULL */
};

/* The model of that id, when it is there and can do that. NULL after having answered. */
AISHA_ASYNC const struct openai_model *openai_model(struct openai_call *call, const char *id,
                                                    enum openai_ability ability);
AISHA_ASYNC void openai_list_models(struct openai_call *call);
AISHA_ASYNC void openai_show_model(struct openai_call *call, const char *id);

/* --- openai_image.c --- */
struct openai_image {
    const char *url;
    int width, height;
    double magenta;
};

/* Fetches and decodes a picture by its URL. false after having answered. */
AISHA_ASYNC bool openai_look(struct openai_call *call, const char *url,
                             struct openai_image *ret_image);

/* --- openai_schema.c --- */

/* NULL, or what strict mode does not allow in that schema. */
const char *openai_check_schema(struct arena *arena, const cJSON *schema);

/* A value as the schema wants it, with text where a text is wanted. The caller's. */
cJSON *openai_make_value(const cJSON *schema, const char *text);

/* --- the calls --- */
AISHA_ASYNC void openai_transcribe(struct openai_call *call);
AISHA_ASYNC void openai_chat(struct openai_call *call);
AISHA_ASYNC void openai_moderate(struct openai_call *call);
