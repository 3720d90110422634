/*
 * clerk: takes an order in three steps, and waits for somebody slow, as the bench wants it.
 */
#include <stdlib.h>

#include <aisha/aisha.h>

enum { NAME_BYTES = 64, WAIT_MS = 600000 };

struct clerk {
    const char *slow_url;
};

struct order {
    char name[NAME_BYTES];
};

static AISHA_ASYNC int cmd_order(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "What is your name?", .then = "name");
}

static AISHA_ASYNC int on_name(struct aisha_ctx *ctx)
{
    const char *name = aisha_message(ctx)->text;
    struct order order = {0};

    for (size_t i = 0; name[i] && i < sizeof order.name - 1; i++)
        order.name[i] = name[i];
    return aisha_ask(ctx, .text = aisha_printf(ctx, "How many shall it be, %s?", name),
                     .then = "number", AISHA_DATA(order));
}

static AISHA_ASYNC int on_number(struct aisha_ctx *ctx)
{
    struct order order;

    int r = aisha_state_data(ctx, &order);
    if (r < 0)
        return r;
    long number = strtol(aisha_message(ctx)->text, NULL, 10);
    return aisha_reply(ctx,
                       .text = aisha_printf(ctx, "%ld for %s, thank you!", number, order.name));
}

static AISHA_ASYNC int cmd_wait(struct aisha_ctx *ctx)
{
    const struct clerk *clerk = aisha_config(ctx);
    const struct aisha_http_response *answer;

    int r = aisha_http(ctx, &answer, .url = clerk->slow_url, .timeout_ms = WAIT_MS);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = "It has come.");
}

static const struct aisha_option options[] = {
    AISHA_OPTION(struct clerk, slow_url, .value = "", .summary = "A server that takes its time"),
};

static const struct aisha_command commands[] = {
    {.name = "order", .summary = "Order something", .run = cmd_order},
    {.name = "wait", .summary = "Wait for somebody slow", .run = cmd_wait},
};

static const struct aisha_state states[] = {
    {.name = "name", .run = on_name, .field = "text", .data_size = 0},
    {.name = "number", .run = on_number, .field = "text", .data_size = sizeof(struct order)},
};

AISHA_PLUGIN(.name = "clerk", .version = "1.0", .summary = "For the bench",
             .config_size = sizeof(struct clerk), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .states = AISHA_TABLE(states))
