/*
 * For tests: metrics that are hostile, and one that does what the configuration says.
 */
#include <math.h>
#include <string.h>

#include <aisha/aisha.h>

struct config {
    const char *does, *key;
};

static int asked; /* the loop's thread only */

static AISHA_ASYNC int read_asked(struct aisha_ctx *ctx)
{
    return aisha_metric(ctx, .value = ++asked);
}

static AISHA_ASYNC int read_labels(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    const char *const labels[] = {
        "\"} 1\naisha_figures_fake 2", "\\", "\\\"\\n", "\xff\xfe", "{}=,# é 🐈", "", config->key,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof labels / sizeof *labels; i++)
        r = aisha_metric(ctx, .metric = "labels", .value = (double)i,
                         .labels = {{"said", labels[i]}, {"by", "nobody"}});
    return r < 0 ? r : aisha_metric(ctx, .metric = "labels_bytes", .value = 0.1);
}

static AISHA_ASYNC int read_mood(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);

    if (strcmp(config->does, "break") == 0)
        return aisha_fail(ctx, -AISHA_E_UPSTREAM, "the weather is bad");
    if (strcmp(config->does, "hang") == 0)
        return aisha_sleep(ctx, 3600 * 1000);
    return aisha_metric(ctx, .value = 1);
}

/* ---- what cannot be shown ---- */

static AISHA_ASYNC int read_not_a_number(struct aisha_ctx *ctx)
{
    return aisha_metric(ctx, .value = NAN);
}

static AISHA_ASYNC int read_negative(struct aisha_ctx *ctx)
{
    return aisha_metric(ctx, .value = -1);
}

static AISHA_ASYNC int read_foreign(struct aisha_ctx *ctx)
{
    return aisha_metric(ctx, .metric = "asked_total", .value = 1);
}

static AISHA_ASYNC int read_long_label(struct aisha_ctx *ctx)
{
    char text[AISHA_METRIC_LABEL_BYTES + 2];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    return aisha_metric(ctx, .value = 1, .labels = {{"text", text}});
}

static AISHA_ASYNC int read_odd_label(struct aisha_ctx *ctx)
{
    return aisha_metric(ctx, .value = 1, .labels = {{"na me", "x"}});
}

static AISHA_ASYNC int read_too_many(struct aisha_ctx *ctx)
{
    int r = 0;

    for (int i = 0; r == 0 && i <= AISHA_METRIC_VALUES; i++)
        r = aisha_metric(ctx, .value = i, .labels = {{"i", aisha_printf(ctx, "%d", i)}});
    return r;
}

/* It does not even care. */
static AISHA_ASYNC int read_twice(struct aisha_ctx *ctx)
{
    aisha_ignore(aisha_metric(ctx, .value = 1, .labels = {{"a", "1"}, {"b", "2"}}));
    aisha_ignore(aisha_metric(ctx, .value = 2, .labels = {{"b", "2"}, {"a", "1"}}));
    return 0;
}

static AISHA_ASYNC int cmd_break(struct aisha_ctx *ctx)
{
    return aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it should");
}

static AISHA_ASYNC int cmd_hang(struct aisha_ctx *ctx)
{
    int r = aisha_reply(ctx, .text = "hanging");

    return r < 0 ? r : aisha_sleep(ctx, 3600 * 1000);
}

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, does, .value = "well"),
    AISHA_OPTION(struct config, key, .value = "", .min = 0, .max = 400, .is_secret = true),
};

static const struct aisha_command commands[] = {
    {.name = "break", .summary = "Fail", .run = cmd_break},
    {.name = "hang", .summary = "Wait for /cancel", .run = cmd_hang},
};

#define GAUGE AISHA_METRIC_GAUGE

static const struct aisha_metric_row metrics[] = {
    {.name = "asked_total",
     .type = AISHA_METRIC_COUNTER,
     .read = read_asked,
     .help = "How often it was asked."},
    {.name = "labels",
     .type = GAUGE,
     .read = read_labels,
     .help = "Two\nlines with a \\ and \"quotes\"."},
    {.name = "mood", .type = GAUGE, .read = read_mood, .help = "As configured."},
    {.name = "labels_bytes", .type = GAUGE, .read = read_labels, .help = "Read with the labels."},
    {.name = "not_a_number", .type = GAUGE, .read = read_not_a_number, .help = "Never shown."},
    {.name = "negative_total",
     .type = AISHA_METRIC_COUNTER,
     .read = read_negative,
     .help = "Never shown."},
    {.name = "foreign", .type = GAUGE, .read = read_foreign, .help = "Never shown."},
    {.name = "long_label", .type = GAUGE, .read = read_long_label, .help = "Never shown."},
    {.name = "odd_label", .type = GAUGE, .read = read_odd_label, .help = "Never shown."},
    {.name = "too_many", .type = GAUGE, .read = read_too_many, .help = "Never shown."},
    {.name = "twice", .type = GAUGE, .read = read_twice, .help = "Never shown."},
};

AISHA_PLUGIN(.name = "figures", .version = "1.0", .summary = "For tests",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .metrics = AISHA_TABLE(metrics))
