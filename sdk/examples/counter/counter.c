/* counter: a number for each user, a button that adds one, a question that sets it. */
#include <stdlib.h>

#include <aisha/aisha.h>

static AISHA_ASYNC int change(struct aisha_ctx *ctx, int64_t set, int64_t add)
{
    const struct aisha_rows *rows;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    int r = aisha_db_query(ctx, &rows, "INSERT INTO counters VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE"
                           " SET value = CASE WHEN $3 = 0 THEN $2 ELSE counters.value + $3 END RETURNING value",
                           aisha_user_id(ctx), set, add);
    if (r < 0)
        return r;
    aisha_button(keyboard, .text = "+1", .callback = "add");
    aisha_button(keyboard, .text = "Set", .callback = "ask");
    return aisha_screen(ctx, .html = aisha_html(ctx, "<b>%lld</b>", (long long)aisha_cell_int(rows, 0, "value")),
                        .keyboard = keyboard);
}
static AISHA_ASYNC int cmd_count(struct aisha_ctx *ctx) { return change(ctx, 0, 0); }
static AISHA_ASYNC int on_add(struct aisha_ctx *ctx) { return change(ctx, 1, 1); }
static AISHA_ASYNC int on_ask(struct aisha_ctx *ctx) { return aisha_ask(ctx, .text = "Which number?", .then = "set"); }
static AISHA_ASYNC int on_number(struct aisha_ctx *ctx) { return change(ctx, atoll(aisha_message(ctx)->text), 0); }

static const struct aisha_command commands[] = {{.name = "count", .summary = "Count", .run = cmd_count}};
static const struct aisha_callback callbacks[] = {{.name = "add", .run = on_add}, {.name = "ask", .run = on_ask}};
static const struct aisha_state states[] = {{.name = "set", .run = on_number}};
static const struct aisha_migration migrations[] = {
    {1, "counters", "CREATE TABLE counters (user_id TEXT PRIMARY KEY, value BIGINT NOT NULL)", NULL, NULL}};

AISHA_PLUGIN(.name = "counter", .version = "1.0", .commands = AISHA_TABLE(commands), .states = AISHA_TABLE(states),
             .callbacks = AISHA_TABLE(callbacks), .migrations = AISHA_TABLE(migrations))
