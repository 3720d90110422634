#include "facts.h"

#include <aisha/aisha.h>

int fact_read(struct aisha_ctx *ctx, const char *name, struct fal_fact *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT content, number, noted_at FROM fal_facts WHERE name = $1", name);
    if (r < 0)
        return r;
    const char *text = aisha_cell_text(rows, 0, "content");
    *ret = (struct fal_fact){.text = text ? text : "",
                             .number = aisha_cell_int(rows, 0, "number"),
                             .noted_at = aisha_cell_int(rows, 0, "noted_at")};
    return 0;
}

int fact_note(struct aisha_ctx *ctx, const char *name, const char *text, int64_t number)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO fal_facts (name, content, number, noted_at)"
                         " VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE SET"
                         " content = excluded.content, number = excluded.number,"
                         " noted_at = excluded.noted_at",
                         name, text, number, aisha_now(ctx));
}

int fact_forget(struct aisha_ctx *ctx, const char *name)
{
    return aisha_db_exec(ctx, "DELETE FROM fal_facts WHERE name = $1", name);
}

int fact_count(struct aisha_ctx *ctx, const char *name, int64_t add)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO fal_facts (name, number, noted_at) VALUES ($1, $2, $3)"
                         " ON CONFLICT (name) DO UPDATE SET"
                         " number = fal_facts.number + excluded.number,"
                         " noted_at = excluded.noted_at",
                         name, add, aisha_now(ctx));
}

int fact_take_turn(struct aisha_ctx *ctx, const char *name, int64_t every_s)
{
    const struct aisha_rows *rows;
    int64_t now = aisha_now(ctx);

    int r = aisha_db_query(ctx, &rows,
                           "INSERT INTO fal_facts (name, noted_at) VALUES ($1, $2)"
                           " ON CONFLICT (name) DO UPDATE SET noted_at = excluded.noted_at"
                           " WHERE fal_facts.noted_at <= excluded.noted_at - $3",
                           name, now, every_s);
    if (r < 0)
        return r;
    return rows->changed_count > 0 ? FACT_TURN : 0;
}
