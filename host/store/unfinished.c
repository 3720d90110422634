#include "host/store/unfinished.h"

#include <aisha/db.h>

#include "host/core/arena.h"
#include "host/store/db.h"

int unfinished_add(struct db *db, struct arena *arena, const struct unfinished *message)
{
    return db_batch(
        db, arena,
        &AISHA_SQL("INSERT INTO unfinished_messages (bot_id, chat_id, message_id, locale)"
                   " VALUES ($1, $2, $3, $4) ON CONFLICT (bot_id, chat_id, message_id) DO NOTHING",
                   message->bot_id, message->chat_id, message->message_id, message->locale),
        1, NULL);
}

int unfinished_remove(struct db *db, struct arena *arena, const struct unfinished *message)
{
    return db_batch(db, arena,
                    &AISHA_SQL("DELETE FROM unfinished_messages"
                               " WHERE bot_id = $1 AND chat_id = $2 AND message_id = $3",
                               message->bot_id, message->chat_id, message->message_id),
                    1, NULL);
}

int unfinished_list(struct db *db, struct arena *arena, int64_t bot_id,
                    const struct unfinished **ret_messages, size_t *ret_count)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT chat_id, message_id, locale FROM unfinished_messages"
                                " WHERE bot_id = $1",
                                bot_id),
                     &rows);
    if (r < 0)
        return r;
    struct unfinished *messages = arena_alloc(arena, (rows->row_count + 1) * sizeof *messages);
    for (size_t i = 0; i < rows->row_count; i++)
        messages[i] = (struct unfinished){.bot_id = bot_id,
                                          .chat_id = aisha_cell_int(rows, i, "chat_id"),
                                          .message_id = aisha_cell_int(rows, i, "message_id"),
                                          .locale = aisha_cell_text(rows, i, "locale")};
    *ret_messages = messages;
    *ret_count = rows->row_count;
    return 0;
}
