/* counter: a number for each user, with a button that adds one and a question that sets it. */
#include <stdlib.h>

#include <aisha/aisha.h>

static AISHA_ASYNC int show(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    int r = aisha_db_query(ctx, &rows, "SELECT value FROM counters WHERE user_id = $1", aisha_user_id(ctx));
    if (r < 0)
        return r;
    aisha_button(keyboard, .text = "+1", .callback = "add");
    aisha_button(keyboard, .text = "Set", .callback = "ask");
    const char *text = aisha_printf(ctx, "Count: %ld", (long)aisha_cell_int(rows, 0, "value"));
    return aisha_screen(ctx, .text = text, .keyboard = keyboard);
}

/* Sets the number to value, or with keep = 1 adds value to it. */
static AISHA_ASYNC int change(struct aisha_ctx *ctx, long value, int keep)
{
    const char *sql = "INSERT INTO counters VALUES ($1, $2)"
                      " ON CONFLICT (user_id) DO UPDATE SET value = $2 + $3 * counters.value";
    int r = aisha_db_exec(ctx, sql, aisha_user_id(ctx), value, keep);
    return r < 0 ? r : show(ctx);
}

static int on_add(struct aisha_ctx *ctx) { return change(ctx, 1, 1); }
static int on_ask(struct aisha_ctx *ctx) { return aisha_ask(ctx, .text = "Which number?", .then = "set"); }
static int on_number(struct aisha_ctx *ctx) { return change(ctx, strtol(aisha_message(ctx)->text, NULL, 10), 0); }

static const struct aisha_command commands[] = {{.name = "count", .summary = "Count things", .run = show}};
static const struct aisha_callback callbacks[] = {{.name = "add", .run = on_add}, {.name = "ask", .run = on_ask}};
static const struct aisha_state states[] = {{.name = "set", .run = on_number, .field = "text"}};
static const struct aisha_migration tables[] = {
    {.version = 1, .name = "counters", .sql = "CREATE TABLE counters (user_id TEXT PRIMARY KEY, value BIGINT)"}};

AISHA_PLUGIN(.name = "counter", .version = "1.0", .commands = AISHA_TABLE(commands), .states = AISHA_TABLE(states),
             .callbacks = AISHA_TABLE(callbacks), .migrations = AISHA_TABLE(tables))
