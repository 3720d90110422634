/*
 * The text format of Prometheus, version 0.0.4: what GET /metrics is written in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/metrics.h>

struct arena;
struct text;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The head of a metric: what it means, and its type. Its samples follow. */
void metrics_text_head(struct text *text, const char *name, enum aisha_metric_type type,
                       const char *help);

/* A value; labels as metrics_labels() made them. */
void metrics_text_sample(struct text *text, const char *name, const char *labels, double value);

/*
 * The labels of a sample as they are written, in the order of their names, so that two samples with the
 * same labels have the same text; "" without any. A value that is not UTF-8 is repaired, NULL is "".
 * NULL when a name is not one (a-z 0-9 _, a letter first) or comes twice.
 */
const char *metrics_labels(struct arena *arena, const struct aisha_metric_label *labels,
                           size_t count);
