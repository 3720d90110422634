/*
 * tally: numbered updates that take effect in every way there is: in a table, a counter, the state of
 * a dialogue and in messages. Whoever kills the host can count afterwards.
 */
#include <inttypes.h>
#include <stdlib.h>

#include <aisha/aisha.h>

static AISHA_ASYNC int write_down(struct aisha_ctx *ctx, int64_t number)
{
    const struct aisha_statement both[] = {
        AISHA_SQL("INSERT INTO tally_effects (chat_id, number) VALUES ($1, $2)", aisha_chat_id(ctx),
                  number),
        AISHA_SQL("INSERT INTO tally_counters (chat_id, count) VALUES ($1, 1)"
                  " ON CONFLICT (chat_id) DO UPDATE SET count = tally_counters.count + 1",
                  aisha_chat_id(ctx)),
    };

    return aisha_db_batch(ctx, NULL, both, 2);
}

static int say(struct aisha_ctx *ctx, const char *what, int64_t number)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s %" PRId64, what, number));
}

/* /add N: written, then said. */
static AISHA_ASYNC int cmd_add(struct aisha_ctx *ctx)
{
    int64_t number = strtoll(aisha_args(ctx), NULL, 10);

    int r = write_down(ctx, number);
    return r < 0 ? r : say(ctx, "added", number);
}

/* /say N: only said. */
static AISHA_ASYNC int cmd_say(struct aisha_ctx *ctx)
{
    return say(ctx, "said", strtoll(aisha_args(ctx), NULL, 10));
}

struct sum {
    int64_t total;
};

/* /begin: the numbers that follow are answers, each of which is said, written and summed up. */
static AISHA_ASYNC int cmd_begin(struct aisha_ctx *ctx)
{
    const struct sum sum = {0};

    return aisha_ask(ctx, .text = "begun", .then = "number", AISHA_DATA(sum));
}

static AISHA_ASYNC int on_number(struct aisha_ctx *ctx)
{
    struct sum sum;
    char *end;

    int r = aisha_state_data(ctx, &sum);
    if (r < 0)
        return r;
    int64_t number = strtoll(aisha_message(ctx)->text, &end, 10);
    if (*end)
        return say(ctx, "total", sum.total);
    sum.total += number;
    r = aisha_ask(ctx, .text = aisha_printf(ctx, "counted %" PRId64, number), .then = "number",
                  AISHA_DATA(sum));
    return r < 0 ? r : write_down(ctx, number);
}

static const struct aisha_command commands[] = {
    {.name = "add", .summary = "Write a number", .run = cmd_add},
    {.name = "say", .summary = "Say a number", .run = cmd_say},
    {.name = "begin", .summary = "Sum up", .run = cmd_begin},
};

static const struct aisha_state states[] = {
    {.name = "number", .run = on_number, .data_size = sizeof(struct sum), .field = "text"},
};

#define EFFECT "chat_id BIGINT NOT NULL, number BIGINT NOT NULL"
#define COUNTERS                                                                                   \
    "CREATE TABLE tally_counters (chat_id BIGINT NOT NULL PRIMARY KEY, count BIGINT NOT NULL)"

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "effects",
     .sqlite = "CREATE TABLE tally_effects (sequence INTEGER PRIMARY KEY, " EFFECT ");" COUNTERS,
     .postgres =
         "CREATE TABLE tally_effects (sequence BIGSERIAL PRIMARY KEY, " EFFECT ");" COUNTERS},
};

AISHA_PLUGIN(.name = "tally", .version = "1.0", .commands = AISHA_TABLE(commands),
             .states = AISHA_TABLE(states), .migrations = AISHA_TABLE(migrations))
