#include "host/store/temp_blobs.h"

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/blob.h"
#include "host/store/db.h"
#include "host/store/sent_files.h"

int temp_blobs_set(struct db *db, struct arena *arena, const char *key, int64_t expires_at)
{
    const struct aisha_rows *rows;

    if (expires_at)
        return db_query(db, arena,
                        &AISHA_SQL("INSERT INTO temp_blobs (blob_key, expires_at) VALUES ($1, $2)"
                                   " ON CONFLICT (blob_key) DO UPDATE"
                                   " SET expires_at = excluded.expires_at",
                                   key, expires_at),
                        NULL);
    /* Nearly always there is none: a read is cheaper than a write. */
    int r =
        db_query(db, arena, &AISHA_SQL("SELECT 1 FROM temp_blobs WHERE blob_key = $1", key), &rows);
    if (r < 0 || rows->row_count == 0)
        return r;
    return db_query(db, arena, &AISHA_SQL("DELETE FROM temp_blobs WHERE blob_key = $1", key), NULL);
}

static AISHA_ASYNC int sweep_one(struct db *db, struct arena *arena, struct blob_store *blobs,
                                 const char *key, int64_t now)
{
    int r = sent_files_delete_blob(db, arena, key);

    if (r == 0)
        r = blob_delete(blobs, key);
    if (r < 0 && r != -AISHA_E_INVALID)
        return r;
    return db_query(
        db, arena,
        &AISHA_SQL("DELETE FROM temp_blobs WHERE blob_key = $1 AND expires_at <= $2", key, now),
        NULL);
}

int temp_blobs_sweep(struct db *db, struct blob_store *blobs, int64_t now, size_t *ret_count)
{
    struct arena arena = {0};
    const struct aisha_rows *rows;
    size_t i = 0;

    int r = db_query(db, &arena,
                     &AISHA_SQL("SELECT blob_key FROM temp_blobs WHERE expires_at <= $1"
                                " ORDER BY expires_at LIMIT 500",
                                now),
                     &rows);
    for (; r == 0 && i < rows->row_count; i++)
        r = sweep_one(db, &arena, blobs, aisha_cell_text(rows, i, "blob_key"), now);
    *ret_count = i;
    arena_clear(&arena);
    return r;
}
