#include "host/store/confirmation.h"

#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/hex.h"

int confirmation_find(struct db *db, struct arena *arena, const char *id, int64_t chat_id,
                      int64_t telegram_id, struct confirmation *ret)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT yes_route, no_route, payload, expires_at FROM confirmations"
                                " WHERE id = $1 AND chat_id = $2 AND telegram_id = $3"
                                " AND expires_at > $4",
                                id, chat_id, telegram_id, (int64_t)time(NULL)),
                     &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret = (struct confirmation){
        .id = id,
        .chat_id = chat_id,
        .telegram_id = telegram_id,
        .yes_route = (uint32_t)aisha_cell_int(rows, 0, "yes_route"),
        .no_route = (uint32_t)aisha_cell_int(rows, 0, "no_route"),
        .expires_at = aisha_cell_int(rows, 0, "expires_at"),
    };
    ret->payload = hex_decode(arena, aisha_cell_text(rows, 0, "payload"), &ret->payload_size);
    return 0;
}

static struct aisha_statement statement(struct arena *arena, const char *sql,
                                        const struct aisha_value *values, size_t count)
{
    return (struct aisha_statement){.sql = sql,
                                    .params = arena_memdup(arena, values, count * sizeof *values),
                                    .param_count = count};
}

struct aisha_statement confirmation_add(struct arena *arena,
                                        const struct confirmation *confirmation)
{
    const struct aisha_value values[] = {
        aisha_value(confirmation->id),
        aisha_value(confirmation->chat_id),
        aisha_value(confirmation->telegram_id),
        aisha_value((int64_t)confirmation->yes_route),
        aisha_value((int64_t)confirmation->no_route),
        aisha_value(hex_encode(arena, confirmation->payload, confirmation->payload_size)),
        aisha_value(confirmation->expires_at),
    };

    return statement(arena,
                     "INSERT INTO confirmations (id, chat_id, telegram_id, yes_route, no_route,"
                     " payload, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                     values, sizeof values / sizeof *values);
}

struct aisha_statement confirmation_answered(struct arena *arena, const char *id)
{
    const struct aisha_value value = aisha_value(id);

    return statement(arena, "DELETE FROM confirmations WHERE id = $1", &value, 1);
}

struct aisha_statement confirmation_sweep(struct arena *arena)
{
    const struct aisha_value now = aisha_value((int64_t)time(NULL));

    return statement(arena, "DELETE FROM confirmations WHERE expires_at <= $1", &now, 1);
}
