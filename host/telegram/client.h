/*
 * Calls of the Bot API: parameters out, result or Telegram's refusal back, with the retries that
 * every call needs. The facts are those of https://core.telegram.org/bots/api.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

#include "host/telegram/outbound.h"
#include "host/telegram/remedy.h"

struct arena;
struct codec_body;
struct http_client;
struct loop;
struct telegram;
struct telegram_memory;

struct telegram_options {
    const char *api_url; /* "https://api.telegram.org" */
    const char *token;
    /* A Bot API server on this machine with --local: files of up to 2000 MB, by their path here. */
    bool is_local;
    struct outbound_options limits;
};

/* What Telegram said when it refused, or why it was not reached (error_code 0). Text is in the call's
 * arena; it never contains the token. */
struct telegram_failure {
    int error_code;
    const char *description;
    int64_t retry_after_s;
    int64_t migrate_to_chat_id;
    enum telegram_remedy remedy; /* what the caller may still try */
    bool is_store_down;          /* it was not asked: our own files cannot be reached now */
    /* Of an answer that is not one of the Bot API, with a NUL at its end; not for the log, since it
     * may quote our URL. */
    const char *body;
};

int telegram_new(struct telegram **ret_telegram, struct loop *loop, struct http_client *http,
                 const struct telegram_options *options);

/* No call may be running. NULL is fine. */
void telegram_free(struct telegram *telegram);

/* From now on what is learned is remembered; memory and user are borrowed. */
void telegram_set_memory(struct telegram *telegram, const struct telegram_memory *memory,
                         void *user);

/* How requests to the Bot API ended. */
enum telegram_outcome {
    TELEGRAM_OK,
    TELEGRAM_FLOOD, /* 429 */
    TELEGRAM_ERROR, /* any other refusal, or an answer that is none of the Bot API */
    TELEGRAM_UNREACHED,
    TELEGRAM_OUTCOMES,
};

/* How many ended so, since the start; those that we gave up ourselves are not counted. */
uint64_t telegram_count(const struct telegram *telegram, enum telegram_outcome outcome);

/* The order and pace of what it sends; its own. */
struct outbound *telegram_outbound(const struct telegram *telegram);

/*
 * One HTTP request, no retry. *ret_result is deleted with the arena; when ret_result is NULL, a success
 * is not read any further than its beginning. Fails with -AISHA_E_TELEGRAM and
 * a filled failure; -AISHA_E_UPSTREAM when the answer is not one of the Bot API (failure->error_code
 * is then the HTTP status); otherwise as http_client_fetch().
 */
AISHA_ASYNC AISHA_CHECKED int telegram_request(struct telegram *telegram, struct arena *arena,
                                               const char *method, const struct codec_body *body,
                                               int64_t timeout_ms, const cJSON **ret_result,
                                               struct telegram_failure *failure);

/*
 * The same for getUpdates with these parameters (JSON). *ret_updates is an array and the caller's;
 * *ret_text, in the arena, is what it was read from, or NULL.
 */
AISHA_ASYNC AISHA_CHECKED int telegram_get_updates(struct telegram *telegram, struct arena *arena,
                                                   const char *params, int64_t timeout_ms,
                                                   cJSON **ret_updates, const char **ret_text,
                                                   struct telegram_failure *failure);

/* On whose behalf a call is made. */
struct telegram_sender {
    enum outbound_priority priority;
    const char *blob_owner; /* before the keys of blobs; NULL = it may not send any */
};

/*
 * A method with a params struct of <aisha/bot_api.h>; *ret is of the type its macro takes. Waits for
 * its turn in the chat it goes to, and does what remedy.h says about failures. So a message may be
 * sent twice, but not silently be lost.
 *
 * An edit that a later edit of the same message overtakes while it waits is never sent, and succeeds
 * like one that changes nothing ("message is not modified"): *ret is then NULL.
 *
 * sender may be NULL: the host itself, as urgently as can be.
 */
AISHA_ASYNC AISHA_CHECKED int telegram_call_as(struct telegram *telegram, struct arena *arena,
                                               const struct telegram_sender *sender,
                                               const char *method, const void *params, void *ret,
                                               struct telegram_failure *failure);

/* The same with JSON text; the result of such an edit is `true`. */
AISHA_ASYNC AISHA_CHECKED int telegram_call_json_as(struct telegram *telegram, struct arena *arena,
                                                    const struct telegram_sender *sender,
                                                    const char *method, const char *json,
                                                    const char **ret_json,
                                                    struct telegram_failure *failure);

/* Both for the host itself. */
AISHA_ASYNC AISHA_CHECKED int telegram_call(struct telegram *telegram, struct arena *arena,
                                            const char *method, const void *params, void *ret,
                                            struct telegram_failure *failure);
AISHA_ASYNC AISHA_CHECKED int telegram_call_json(struct telegram *telegram, struct arena *arena,
                                                 const char *method, const char *json,
                                                 const char **ret_json,
                                                 struct telegram_failure *failure);

/* Downloads a file_id to a new file at path, or with a local server makes path a link to it.
 * What breaks off is tried again. -AISHA_E_LIMIT when it is over max_bytes, or over what the Bot API
 * gives to bots. */
AISHA_ASYNC AISHA_CHECKED int telegram_download(struct telegram *telegram, struct arena *arena,
                                                const char *file_id, int64_t max_bytes,
                                                const char *path, struct telegram_failure *failure);
