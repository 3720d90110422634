/*
 * For tests: a check that does what the configuration says, and tells how often it was asked; and a
 * plugin that does not keep its key to itself.
 */
#include <string.h>

#include <aisha/aisha.h>

struct config {
    const char *does, *key;
};

static int asked; /* the loop's thread only */

static AISHA_ASYNC int check_mood(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    const char *times = aisha_printf(ctx, "asked %d times", ++asked);

    if (strcmp(config->does, "warn") == 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING, .text = times,
                            .advice = "cheer it up");
    if (strcmp(config->does, "fail") == 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = times,
                            .advice = "call for help");
    if (strcmp(config->does, "break") == 0)
        return aisha_fail(ctx, -AISHA_E_UPSTREAM, "the weather is bad");
    if (strcmp(config->does, "hang") == 0)
        return aisha_sleep(ctx, 3600 * 1000);
    if (strcmp(config->does, "tell") == 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = aisha_printf(ctx, "the key is %s", config->key),
                            .advice = aisha_printf(ctx, "keep %s to yourself", config->key));
    return aisha_health(ctx, .text = times);
}

static AISHA_ASYNC int cmd_tell(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);

    aisha_log(ctx, AISHA_LOG_INFO, "my key is %s", config->key);
    return aisha_fail(ctx, -AISHA_E_UPSTREAM, "it was the key %s", config->key);
}

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, does, .value = "well"),
    AISHA_OPTION(struct config, key, .value = "", .min = 0, .max = 400, .is_secret = true),
};

static const struct aisha_command commands[] = {
    {.name = "tell", .summary = "Tell secrets", .run = cmd_tell},
};

static const struct aisha_health_check health[] = {
    {.name = "mood", .run = check_mood},
};

AISHA_PLUGIN(.name = "health", .version = "1.0", .summary = "For tests",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .health = AISHA_TABLE(health))
