/*
 * The blobs that a call sends. What Telegram already has is named by its file_id, the rest is
 * uploaded; while a blob is uploaded for the first time, others who send it wait for its id.
 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct codec_body;
struct telegram;
struct uploads;

/*
 * Finds the blobs among the parts of a body; *ret is NULL when there are none. owner stands before
 * their keys. Fails with -AISHA_E_INVALID when this bot keeps no blobs or it is not said whose.
 */
AISHA_CHECKED int uploads_open(struct telegram *telegram, struct arena *arena,
                               const struct codec_body *body, const char *owner,
                               struct uploads **ret);

/* The body to send. Fails with -AISHA_E_NOT_FOUND, -AISHA_E_UNAVAILABLE, -AISHA_E_CANCELED; then
 * *ret_key is the blob it was about. */
AISHA_ASYNC AISHA_CHECKED int uploads_build(struct uploads *uploads, struct codec_body *ret_body,
                                            const char **ret_key);

/* The call succeeded: remembers the ids in its result. */
AISHA_ASYNC void uploads_keep(struct uploads *uploads, const cJSON *result);

/* Telegram refused a file_id: forgets those that were sent, so that the next uploads_build() gives
 * the bytes. Returns false when there were none. */
AISHA_ASYNC bool uploads_forget(struct uploads *uploads);

/* Others need not wait for this call any more. NULL is fine; may be called again. */
void uploads_close(struct uploads *uploads);
