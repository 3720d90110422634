/*
 * What has to be waited for before it can be shown at GET /metrics: the plugins' rows of .metrics, and
 * what the host asks its stores. Each is read by a task of its own, which whoever asks meanwhile shares,
 * and what it has found is kept for a while.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

struct bot;
struct plugin;
struct readings;

/* All rows of the plugins of this bot, none read yet. */
int readings_new(struct readings **ret_readings, struct bot *bot);

/* No task may be reading. NULL is fine. */
void readings_free(struct readings *readings);

/* Reads what is not fresh. Waits for some seconds, but not for those that then still are at it. */
AISHA_ASYNC void readings_refresh(struct readings *readings);

/* A value of a plugin's row. */
struct sample {
    size_t row; /* of .metrics */
    const char *labels;
    double value;
    STAILQ_ENTRY(sample) link;
};

STAILQ_HEAD(sample_list, sample);

/* Of all rows of the plugin that have the same .read as this one, which has failed or is late when
 * this is NULL. Valid until the caller waits for something. */
const struct sample_list *readings_of(const struct readings *readings, const struct plugin *plugin,
                                      size_t row);

/* What the stores have said. */
enum { JOB_STATE_DEAD = 4, JOB_STATES };

extern const char *const job_states[JOB_STATES]; /* as the table calls them */

struct store_figures {
    bool is_database_up, is_cache_up;
    bool are_counted; /* the rest */
    int64_t jobs[JOB_STATES];
    int64_t dead_updates;
};

/* NULL while they are late. */
const struct store_figures *readings_of_stores(const struct readings *readings);
