/*
 * Between the files that simulate fal.ai.
 *
 *   fal.c          paths, keys, what an error looks like
 *   fal_queue.c    submit, status, result, cancel
 *   fal_run.c      what becomes of a request: waiting, running, ended; survives a restart
 *   fal_models.c   which models there are, and their inputs (fal_schema.c)
 *   fal_train.c    trainers: an archive becomes weights (fal_lora.c)
 *   fal_image.c    generators: a prompt becomes pictures (draw.c); fal_check.c looks at some
 *   fal_storage.c  files up and down
 *   fal_webhook.c  signed messages about the end (fal_sign.c)
 *
 * A request is the record "fal_request": what was asked, and what came of it. Its input is a record
 * of its own, "fal_input", as text, until the request has ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct fal;
struct fal_job;
struct fault;
struct http_exchange;
struct sandbox;

/* What tests and people may set: POST /sandbox/fal. */
struct fal_settings {
    int64_t training_ms, generation_ms; /* how long it takes */
    int64_t concurrency;                /* requests that run at once; 0 = all wait */
    int64_t weights_bytes;              /* of a LoRA */
    const char *key;                    /* the only one that is good; NULL = any */
    cJSON *gone;                        /* models that are shut down, by id */
};

TAILQ_HEAD(fal_jobs, fal_job);

struct fal {
    struct sandbox *sandbox;
    struct fal_settings settings;
    struct arena *settings_arena;
    cJSON *catalogue;     /* fal-models.json */
    struct fal_jobs jobs; /* what has not ended, in order */
    int64_t delivered;    /* webhooks */
};

/* One HTTP request. */
struct fal_call {
    struct fal *fal;
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct arena *arena;
    const char *base; /* "http://HOST/fal", as the client sees it */
    const char *name; /* of the call, for the log and for faults: "fal.submit" */
    cJSON *logged;    /* its parameters, for the log */
    const struct fault *fault;
};

/* --- fal.c --- */
int fal_new(struct fal **ret_fal, struct sandbox *sandbox);
void fal_free(struct fal *fal);

/* After the world has been forgotten. */
void fal_reset(struct fal *fal);

/* Answers with JSON, an error {"detail": …, "error_type"?: …}, or bytes; and remembers the call. */
AISHA_ASYNC void fal_answer(struct fal_call *call, int status, const char *json);
AISHA_ASYNC void fal_refuse(struct fal_call *call, int status, const char *error_type,
                            const char *detail);
AISHA_ASYNC void fal_answer_bytes(struct fal_call *call, const char *type, const void *bytes,
                                  size_t size);

/* Whether the caller has a good key; false after having answered. */
AISHA_ASYNC bool fal_is_authorized(struct fal_call *call);

/* The settings as an object, and changing some: NULL, or what is wrong. */
cJSON *fal_describe_settings(const struct fal *fal, struct arena *arena);
const char *fal_set_settings(struct fal *fal, struct arena *arena, const cJSON *body);

/* --- fal_settings.c --- */
void fal_load_settings(struct fal *fal);

/* --- fal_queue.c: paths of the queue; rest is what follows "/fal/" --- */
AISHA_ASYNC void fal_handle_queue(struct fal_call *call, const char *rest);
AISHA_ASYNC void fal_run_directly(struct fal_call *call, const char *id);

/* --- fal_models.c --- */
AISHA_ASYNC void fal_list_models(struct fal_call *call);
AISHA_ASYNC void fal_list_prices(struct fal_call *call);

struct fal_work;

struct fal_model {
    const char *id;
    bool is_trainer;
    /* Looks at the input, fetches what it names. false = refused, see fal_fail(), or cancelled. */
    AISHA_ASYNC bool (*prepare)(struct fal_work *work);
    /* Makes the output. */
    AISHA_ASYNC bool (*produce)(struct fal_work *work);
};

/* NULL when there is none of that id; the first also when it is shut down. */
const struct fal_model *fal_model(const struct fal *fal, const char *id);
const struct fal_model *fal_model_of(const char *id);

/* The schema of its input. */
const cJSON *fal_model_input(const struct fal *fal, struct arena *arena, const char *id);

/* --- fal_schema.c --- */

/* Adds what is missing and has a default. What is wrong, as items of a "detail" (an array). */
cJSON *fal_check_input(struct arena *arena, const cJSON *schema, cJSON *input);

/* What an error shows of the input; the caller's. Files that came within it are too long for that. */
cJSON *fal_shown_input(struct arena *arena, const cJSON *value);

/* --- fal_run.c --- */

/* A request at work. What it has come to is in the last members. */
struct fal_work {
    struct fal *fal;
    struct arena *arena;
    const struct fal_model *model;
    const char *id, *base;
    cJSON *input;           /* with its defaults */
    const char *input_text; /* as it came */
    void *prepared;         /* what the model's prepare() keeps for produce() */

    int status; /* HTTP; 0 = nothing yet */
    const char *body;
    const char *error, *error_type; /* NULL = none */
    bool is_retryable;
};

enum fal_state { FAL_QUEUED, FAL_RUNNING, FAL_COMPLETED };

/* Makes the request and returns its id. webhook may be NULL. */
const char *fal_start(struct fal_call *call, const struct fal_model *model, const char *input,
                      const char *webhook);

/* The request's record, or NULL. */
cJSON *fal_request(struct fal *fal, struct arena *arena, const char *id);
enum fal_state fal_state_of(const cJSON *request);
const char *fal_state_name(enum fal_state state);

/* How many wait before it. */
int64_t fal_position(const struct fal *fal, const char *id);
size_t fal_count(const struct fal *fal, bool running);

/* false when it has ended already. */
bool fal_cancel(struct fal *fal, const char *id);

/* What it has said so far: an array of {message, level, source, timestamp}. */
cJSON *fal_logs(struct fal *fal, struct arena *arena, const cJSON *request);

/* Goes on with what the world remembers; and starts what may start now. */
void fal_resume(struct fal *fal);
void fal_pump(struct fal *fal);
void fal_forget_jobs(struct fal *fal);

/* Ends the work with an error of the model: one item of "detail". Always false. location is an
 * array, taken; ctx may be NULL, and is taken. */
bool fal_fail(struct fal_work *work, const char *type, cJSON *location, const char *message,
              cJSON *ctx);
bool fal_fail_with(struct fal_work *work, int status, const cJSON *detail);

/* Ends it with that output. Always true. */
bool fal_succeed(struct fal_work *work, const char *output);

/* ["body", name], and ["body", name, index, member]. */
cJSON *fal_location(const char *name);
cJSON *fal_location_in(const char *name, int index, const char *member);

/* --- fal_storage.c --- */
AISHA_ASYNC void fal_give_token(struct fal_call *call);
AISHA_ASYNC void fal_upload_with_token(struct fal_call *call);
AISHA_ASYNC void fal_upload(struct fal_call *call, const char *rest);
AISHA_ASYNC void fal_initiate(struct fal_call *call, bool is_multipart);
AISHA_ASYNC void fal_download(struct fal_call *call, const char *rest);

/* Whether the server hands the body over in pieces; path is the request's. */
bool fal_is_streamed(const struct http_exchange *exchange);

/* Keeps the bytes; returns {url, content_type, file_name, file_size}. */
cJSON *fal_add_file(struct fal *fal, struct arena *arena, const char *base, const char *name,
                    const char *type, const void *bytes, size_t size);

/* The bytes behind an address: of a file of ours, of this machine, or in the address itself.
 * false after fal_fail() about that place of the input, which is taken, or when cancelled. */
struct fal_bytes {
    const void *bytes;
    size_t size;
};

AISHA_ASYNC bool fal_fetch(struct fal_work *work, const char *url, cJSON *location, size_t most,
                           struct fal_bytes *ret_bytes);

/* --- fal_lora.c --- */
struct fal_lora {
    const char *id, *trigger, *trainer;
    int64_t steps, images;
    struct fal_bytes portrait; /* a small picture, PNG */
    double scale;
};

/* Makes the weights and remembers them. Returns the output's file. */
cJSON *fal_make_lora(struct fal_work *work, const struct fal_lora *lora);

/* Whose weights these are. false when they are none that were made here. */
bool fal_find_lora(struct fal *fal, struct arena *arena, struct fal_bytes weights,
                   struct fal_lora *ret_lora);

/* --- the models' work --- */
AISHA_ASYNC bool fal_train_prepare(struct fal_work *work);
AISHA_ASYNC bool fal_train_produce(struct fal_work *work);
AISHA_ASYNC bool fal_image_prepare(struct fal_work *work);
AISHA_ASYNC bool fal_image_produce(struct fal_work *work);
AISHA_ASYNC bool fal_check_prepare(struct fal_work *work);
AISHA_ASYNC bool fal_check_produce(struct fal_work *work);
