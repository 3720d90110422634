/*
 * Figures about what a plugin does, for graphs and alarms: rows of .metrics, which GET /metrics shows
 * to Prometheus and to whatever else reads its format.
 *
 *     static AISHA_ASYNC int read_books(struct aisha_ctx *ctx)
 *     {
 *         ...
 *         int r = aisha_metric(ctx, .metric = "lent_total", .value = lent);
 *         for (size_t i = 0; r == 0 && i < shelf_count; i++)
 *             r = aisha_metric(ctx, .metric = "books", .value = shelves[i].count,
 *                              .labels = {{"shelf", shelves[i].name}});
 *         return r;
 *     }
 *
 *     static const struct aisha_metric_row metrics[] = {
 *         {.name = "lent_total", .type = AISHA_METRIC_COUNTER, .help = "Books lent.", .read = read_books},
 *         {.name = "books", .type = AISHA_METRIC_GAUGE, .help = "Books here, by shelf.", .read = read_books},
 *     };
 *
 * Shown as aisha_PLUGIN_lent_total and aisha_PLUGIN_books{shelf="…"}.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;

enum aisha_metric_type {
    AISHA_METRIC_COUNTER = 1, /* only grows, and begins at 0 again at most when the host starts */
    AISHA_METRIC_GAUGE,       /* goes up and down */
};

/*
 * A row of .metrics. Rows with the same .read are read by one call of it.
 *
 * It runs like a handler, without a chat or a person, when somebody asks for the figures, but at most
 * every 2 seconds, and not before 20 times as long as it took the last time: so an answer may be some
 * seconds old (30 at most), and nobody can load a database by asking often. When it fails or takes over
 * 3 seconds its rows are left out and the log says why, once until it works again.
 */
struct aisha_metric_row {
    /* Up to 64 of a-z 0-9 _; unique within the plugin. Say the unit, and use base units:
     * "waited_seconds", "sent_bytes". That of a counter ends in "_total", no other one. */
    const char *name;
    const char *help; /* what it counts, in a sentence, for whoever looks at a graph */
    enum aisha_metric_type type;
    int (*read)(struct aisha_ctx *ctx);
};

enum {
    AISHA_METRIC_LABELS = 4,        /* of a value */
    AISHA_METRIC_LABEL_BYTES = 128, /* of a label's value */
    AISHA_METRIC_VALUES = 256,      /* that one .read may give */
};

/* Each combination of values is a time series of its own, kept for months: never an id of a person. */
struct aisha_metric_label {
    const char *name; /* up to 64 of a-z 0-9 _, a letter first */
    const char *value;
};

struct aisha_metric_value {
    size_t size;
    const char *metric; /* the row's name; NULL = the only one of this .read */
    double value;
    struct aisha_metric_label labels[AISHA_METRIC_LABELS];
};

/*
 * Gives a value. -AISHA_E_INVALID, with a reason, for one that cannot be shown: of another row, not a
 * number, below 0 for a counter, with too long or odd labels, or with those of one given before;
 * -AISHA_E_LIMIT for one too many.
 */
#define aisha_metric(ctx, ...)                                                                     \
    aisha_metric_((ctx), &(const struct aisha_metric_value){                                       \
                             .size = sizeof(struct aisha_metric_value), __VA_ARGS__})

AISHA_PUBLIC AISHA_CHECKED int aisha_metric_(struct aisha_ctx *ctx,
                                             const struct aisha_metric_value *value);
