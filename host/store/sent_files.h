/*
 * The file_id that Telegram gave a blob, for each bot and kind ("photo", "document"). It is good as
 * long as the blob has the content that was sent, which the stamp tells.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct db;

struct sent_file {
    int64_t bot_id;
    const char *blob_key, *kind, *stamp;
};

/* -AISHA_E_NOT_FOUND when Telegram does not have it. */
AISHA_ASYNC AISHA_CHECKED int sent_files_find(struct db *db, struct arena *arena,
                                              const struct sent_file *file,
                                              const char **ret_file_id);
AISHA_ASYNC AISHA_CHECKED int sent_files_put(struct db *db, struct arena *arena,
                                             const struct sent_file *file, const char *file_id);
AISHA_ASYNC AISHA_CHECKED int sent_files_delete(struct db *db, struct arena *arena,
                                                const struct sent_file *file);

/* Of all bots and kinds: the blob is deleted. */
AISHA_ASYNC AISHA_CHECKED int sent_files_delete_blob(struct db *db, struct arena *arena,
                                                     const char *blob_key);
