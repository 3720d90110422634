#include "host/store/sent_files.h"

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"

int sent_files_find(struct db *db, struct arena *arena, const struct sent_file *file,
                    const char **ret_file_id)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT file_id FROM sent_files WHERE bot_id = $1 AND blob_key = $2"
                                " AND kind = $3 AND stamp = $4",
                                file->bot_id, file->blob_key, file->kind, file->stamp),
                     &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret_file_id = aisha_cell_text(rows, 0, "file_id");
    return 0;
}

int sent_files_put(struct db *db, struct arena *arena, const struct sent_file *file,
                   const char *file_id)
{
    return db_query(db, arena,
                    &AISHA_SQL("INSERT INTO sent_files (bot_id, blob_key, kind, stamp, file_id)"
                               " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (bot_id, blob_key, kind)"
                               " DO UPDATE SET stamp = excluded.stamp, file_id = excluded.file_id",
                               file->bot_id, file->blob_key, file->kind, file->stamp, file_id),
                    NULL);
}

int sent_files_delete(struct db *db, struct arena *arena, const struct sent_file *file)
{
    return db_query(db, arena,
                    &AISHA_SQL("DELETE FROM sent_files WHERE bot_id = $1 AND blob_key = $2"
                               " AND kind = $3",
                               file->bot_id, file->blob_key, file->kind),
                    NULL);
}

int sent_files_delete_blob(struct db *db, struct arena *arena, const char *blob_key)
{
    return db_query(db, arena, &AISHA_SQL("DELETE FROM sent_files WHERE blob_key = $1", blob_key),
                    NULL);
}
