/*
 * What the Bot API calls learn about chats and files and need to know again later. Kept by the owner
 * of the struct telegram, who gives these functions; all of them may wait. One that cannot reach its
 * store says so in the log and acts as if it knew nothing: no message is held up by that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

#include "host/telegram/remedy.h"

struct arena;

/* A blob as it is sent: Telegram's id of it is good for one kind only, and while the stamp lasts. */
struct telegram_blob {
    const char *key;
    const char *kind; /* "photo", as the parameter that takes it */
    const char *stamp;
};

struct telegram_memory {
    /* The group's id now, if it has moved, else the same. */
    AISHA_ASYNC int64_t (*chat_now)(void *user, struct arena *arena, int64_t chat_id);
    AISHA_ASYNC void (*chat_moved)(void *user, struct arena *arena, int64_t chat_id,
                                   int64_t new_id);
    /* Nothing can be sent there any more; why is REMEDY_BLOCKED, _DEACTIVATED or _CHAT_GONE. */
    AISHA_ASYNC void (*chat_gone)(void *user, struct arena *arena, int64_t chat_id,
                                  enum telegram_remedy why);

    /* A text that is another one whenever the blob is. -AISHA_E_NOT_FOUND, -AISHA_E_UNAVAILABLE. */
    AISHA_ASYNC int (*blob_stamp)(void *user, struct arena *arena, const char *key,
                                  const char **ret_stamp);
    /* A file with its content, which is gone with the arena. */
    AISHA_ASYNC int (*blob_file)(void *user, struct arena *arena, const char *key,
                                 const char **ret_path);

    /* Telegram's id of a blob, or NULL. */
    AISHA_ASYNC const char *(*file_id)(void *user, struct arena *arena,
                                       const struct telegram_blob *blob);
    AISHA_ASYNC void (*keep_file_id)(void *user, struct arena *arena,
                                     const struct telegram_blob *blob, const char *file_id);
    AISHA_ASYNC void (*forget_file_id)(void *user, struct arena *arena,
                                       const struct telegram_blob *blob);

    /* Telegram does not accept the token. */
    void (*token_refused)(void *user, const char *why);
};
