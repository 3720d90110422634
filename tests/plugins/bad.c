/*
 * bad: one plugin that is wrong in a way chosen when it is built; the host has to refuse each.
 */
#include <aisha/aisha.h>

static AISHA_ASYNC int cmd_bad(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = "must never run");
}

#if defined(WRONG_ABI)
AISHA_PUBLIC extern const struct aisha_plugin aisha_plugin;
const struct aisha_plugin aisha_plugin = {
    .abi = AISHA_ABI + 1, .size = sizeof(struct aisha_plugin), .name = PLUGIN_NAME};

#elif defined(DUPLICATE_COMMAND)
static const struct aisha_command commands[] = {
    {.name = "start", .summary = "Not mine", .run = cmd_bad},
};

AISHA_PLUGIN(.name = PLUGIN_NAME, .version = "1", .commands = AISHA_TABLE(commands))

#elif defined(REQUIRES)
static const struct aisha_requirement requirements[] = {{.name = REQUIRES}};
static const struct aisha_command commands[] = {
    {.name = PLUGIN_NAME, .summary = "Never listed", .run = cmd_bad},
};

AISHA_PLUGIN(.name = PLUGIN_NAME, .version = "1", .commands = AISHA_TABLE(commands),
             .requires = AISHA_TABLE(requirements))

#elif defined(WRONG_TABLES)
static const struct aisha_command commands[] = {
    {.name = "Bad Name", .summary = "@no_such_text", .run = cmd_bad},
    {.name = "norun", .summary = "Nothing behind it"},
};
static const struct aisha_menu_entry menu[] = {{.text = "Menu", .callback = "nowhere"}};
static const struct aisha_message_route messages[] = {{.field = "vioce", .run = cmd_bad}};

static const struct aisha_metric_row metrics[] = {
    {.name = "Odd-one", .type = AISHA_METRIC_GAUGE, .help = "Its name.", .read = cmd_bad},
    {.name = "many", .type = AISHA_METRIC_COUNTER, .help = "No total.", .read = cmd_bad},
    {.name = "unread", .type = AISHA_METRIC_GAUGE, .help = "Nobody reads it."},
    {.name = "untyped", .help = "Nobody knows.", .read = cmd_bad},
};

AISHA_PLUGIN(.name = PLUGIN_NAME, .version = "1", .commands = AISHA_TABLE(commands),
             .menu = AISHA_TABLE(menu), .messages = AISHA_TABLE(messages),
             .metrics = AISHA_TABLE(metrics))

#elif defined(HOSTS_METRIC)
static const struct aisha_metric_row metrics[] = {
    {.name = "up", .type = AISHA_METRIC_GAUGE, .help = "The host has it.", .read = cmd_bad},
};

AISHA_PLUGIN(.name = PLUGIN_NAME, .version = "1", .metrics = AISHA_TABLE(metrics))

#else
#error "which mistake?"
#endif
