/*
 * nick: a question whose handler passes on what its own write could not take, to a route that writes.
 */
#include <aisha/aisha.h>

static AISHA_ASYNC int cmd_nick(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "Which nick?", .then = "nick");
}

static AISHA_ASYNC int on_nick(struct aisha_ctx *ctx)
{
    int r = aisha_db_exec(ctx, "INSERT INTO nicks VALUES ($1)", aisha_message(ctx)->text);

    if (r == -AISHA_E_CONFLICT)
        return AISHA_PASS; /* the question stays */
    return r < 0 ? r : aisha_reply(ctx, .text = "stored");
}

static AISHA_ASYNC int on_text(struct aisha_ctx *ctx)
{
    int r = aisha_db_exec(ctx, "INSERT INTO remarks VALUES ($1)", aisha_message(ctx)->text);

    return r < 0 ? r : aisha_reply(ctx, .text = "noted");
}

static const struct aisha_command commands[] = {
    {.name = "nick", .summary = "Choose a nick", .run = cmd_nick},
};

static const struct aisha_state states[] = {
    {.name = "nick", .run = on_nick, .field = "text"},
};

static const struct aisha_message_route messages[] = {
    {.field = "text", .run = on_text},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "nicks",
     .sql = "CREATE TABLE nicks (nick TEXT PRIMARY KEY);"
            "CREATE TABLE remarks (remark TEXT NOT NULL);"
            "INSERT INTO nicks VALUES ('taken');"},
};

AISHA_PLUGIN(.name = "nick", .version = "1.0", .commands = AISHA_TABLE(commands),
             .states = AISHA_TABLE(states), .messages = AISHA_TABLE(messages),
             .migrations = AISHA_TABLE(migrations))
