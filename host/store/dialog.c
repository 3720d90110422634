/*
 * The plugin's data is stored as hexadecimal text, so that it reads the same on every database.
 */
#include "host/store/dialog.h"

#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/hex.h"

int dialog_find(struct db *db, struct arena *arena, const struct dialog_key *key,
                struct dialog *ret_dialog)
{
    const struct aisha_rows *rows;

    int r =
        db_query(db, arena,
                 &AISHA_SQL("SELECT plugin, state, data, expires_at FROM dialog_state"
                            " WHERE chat_id = $1 AND telegram_id = $2 AND thread_id = $3"
                            " AND expires_at > $4",
                            key->chat_id, key->telegram_id, key->thread_id, (int64_t)time(NULL)),
                 &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    const char *text = aisha_cell_text(rows, 0, "data");
    *ret_dialog = (struct dialog){.plugin = aisha_cell_text(rows, 0, "plugin"),
                                  .state = aisha_cell_text(rows, 0, "state"),
                                  .expires_at = aisha_cell_int(rows, 0, "expires_at")};
    ret_dialog->data = hex_decode(arena, text, &ret_dialog->data_size);
    return 0;
}

struct aisha_statement dialog_statement(struct arena *arena, const struct dialog_key *key,
                                        const struct dialog *dialog)
{
    const struct aisha_value values[] = {
        aisha_value(key->chat_id),
        aisha_value(key->telegram_id),
        aisha_value(key->thread_id),
        aisha_value(dialog ? dialog->plugin : NULL),
        aisha_value(dialog ? dialog->state : NULL),
        aisha_value(dialog ? hex_encode(arena, dialog->data, dialog->data_size) : NULL),
        aisha_value(dialog ? dialog->expires_at : 0),
    };

    return (struct aisha_statement){
        .sql = dialog ? "INSERT INTO dialog_state (chat_id, telegram_id, thread_id, plugin, state,"
                        " data, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                        " ON CONFLICT (chat_id, telegram_id, thread_id) DO UPDATE SET"
                        " plugin = excluded.plugin, state = excluded.state, data = excluded.data,"
                        " expires_at = excluded.expires_at"
                      : "DELETE FROM dialog_state"
                        " WHERE chat_id = $1 AND telegram_id = $2 AND thread_id = $3",
        .params = arena_memdup(arena, values, sizeof values),
        .param_count = dialog ? 7 : 3,
    };
}
