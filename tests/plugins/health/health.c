/*
 * For tests: a check that does what the configuration says, and tells how often it was asked.
 */
#include <string.h>

#include <aisha/aisha.h>

struct config {
    const char *does;
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
    return aisha_health(ctx, .text = times);
}

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, does, .value = "well"),
};

static const struct aisha_health_check health[] = {
    {.name = "mood", .run = check_mood},
};

AISHA_PLUGIN(.name = "health", .version = "1.0", .summary = "For tests",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .health = AISHA_TABLE(health))
