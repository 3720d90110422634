#include "host/store/chats.h"

#include <time.h>

#include "host/core/arena.h"
#include "host/store/db.h"

int chats_set_moved(struct db *db, struct arena *arena, int64_t chat_id, int64_t new_id)
{
    return db_query(db, arena,
                    &AISHA_SQL("INSERT INTO chats (chat_id, moved_to) VALUES ($1, $2)"
                               " ON CONFLICT (chat_id) DO UPDATE SET moved_to = excluded.moved_to",
                               chat_id, new_id),
                    NULL);
}

int chats_now(struct db *db, struct arena *arena, int64_t chat_id, int64_t *ret_chat_id)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT moved_to FROM chats WHERE chat_id = $1"
                                " AND moved_to IS NOT NULL",
                                chat_id),
                     &rows);
    if (r < 0)
        return r;
    *ret_chat_id = rows->row_count ? aisha_cell_int(rows, 0, "moved_to") : chat_id;
    return 0;
}

int chats_set_gone(struct db *db, struct arena *arena, int64_t chat_id, bool is_gone)
{
    if (!is_gone)
        return db_query(db, arena,
                        &AISHA_SQL("UPDATE chats SET gone_at = NULL"
                                   " WHERE chat_id = $1 AND gone_at IS NOT NULL",
                                   chat_id),
                        NULL);
    return db_query(db, arena,
                    &AISHA_SQL("INSERT INTO chats (chat_id, gone_at) VALUES ($1, $2)"
                               " ON CONFLICT (chat_id) DO UPDATE"
                               " SET gone_at = COALESCE(chats.gone_at, excluded.gone_at)",
                               chat_id, (int64_t)time(NULL)),
                    NULL);
}
