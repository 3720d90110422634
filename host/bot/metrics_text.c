#include "host/bot/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/bot/split.h"
#include "host/bot/text.h"

enum { MAX_NAME = 64 };

/* In help two characters are special, in a label's value three. */
static void add_escaped(struct text *text, const char *value, const char *special)
{
    while (*value) {
        size_t plain = strcspn(value, special);
        text_add(text, value, plain);
        value += plain;
        if (!*value)
            break;
        const char escape[] = {'\\', *value == '\n' ? 'n' : *value};
        text_add(text, escape, sizeof escape);
        value++;
    }
}

void metrics_text_head(struct text *text, const char *name, enum aisha_metric_type type,
                       const char *help)
{
    text_adds(text, "# HELP ");
    text_adds(text, name);
    text_adds(text, " ");
    add_escaped(text, help, "\\\n");
    text_adds(text, "\n# TYPE ");
    text_adds(text, name);
    text_adds(text, type == AISHA_METRIC_COUNTER ? " counter\n" : " gauge\n");
}

void metrics_text_sample(struct text *text, const char *name, const char *labels, double value)
{
    char number[32];

    snprintf(number, sizeof number, "%.15g", value); /* short, when that is exact */
    if (strtod(number, NULL) != value)
        snprintf(number, sizeof number, "%.17g", value);
    text_adds(text, name);
    text_adds(text, labels);
    text_adds(text, " ");
    text_adds(text, number);
    text_adds(text, "\n");
}

static bool is_label_name(const char *name)
{
    return name && *name >= 'a' && *name <= 'z' && strnlen(name, MAX_NAME + 1) <= MAX_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Into a list that is in order; false when it is there already. */
static bool insert(const struct aisha_metric_label *sorted[], size_t count,
                   const struct aisha_metric_label *label)
{
    size_t at = count;

    for (; at > 0 && strcmp(sorted[at - 1]->name, label->name) > 0; at--)
        sorted[at] = sorted[at - 1];
    sorted[at] = label;
    return at == 0 || strcmp(sorted[at - 1]->name, label->name) != 0;
}

const char *metrics_labels(struct arena *arena, const struct aisha_metric_label *labels,
                           size_t count)
{
    const struct aisha_metric_label *sorted[AISHA_METRIC_LABELS];
    struct text text = {.arena = arena};

    if (count > AISHA_METRIC_LABELS)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_label_name(labels[i].name) || !insert(sorted, i, &labels[i]))
            return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *value = sorted[i]->value ? sorted[i]->value : "";
        text_adds(&text, i == 0 ? "{" : ",");
        text_adds(&text, sorted[i]->name);
        text_adds(&text, "=\"");
        add_escaped(&text, utf8_repair(arena, value, strlen(value), NULL), "\\\"\n");
        text_adds(&text, "\"");
    }
    if (count > 0)
        text_adds(&text, "}");
    return text_done(&text);
}
