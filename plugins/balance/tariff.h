/*
 * Prices. The operator lists them in plugins.ini:
 *
 *     tariffs = avatar 150, image 5 per item, audio 10 per minute first 60 free
 *
 * Units of a tariff per minute are seconds, and each started minute is charged; of one per item they
 * are items; without either the whole costs that much. The first so many units are free, and only
 * what comes after them is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tariff_unit {
    TARIFF_WHOLE,
    TARIFF_ITEM,
    TARIFF_MINUTE,
};

struct tariff {
    enum tariff_unit unit;
    int64_t price; /* hundredths of a credit */
    int64_t free_units;
};

/* What the table of holds calls it. */
const char *tariff_unit_name(enum tariff_unit unit);
enum tariff_unit tariff_unit(const char *name);

/* False when the list has none of that name, or what it says of it cannot be understood. */
bool tariff_find(const char *list, const char *name, struct tariff *ret);

/* Where in the list something cannot be understood; NULL when all of it is fine. */
const char *tariff_mistake(const char *list);

/* At most LEDGER_MAX_AMOUNT. */
int64_t tariff_cost(const struct tariff *tariff, int64_t units);

/* "2.5" and "2,50" are 250. False for what is no amount from 0 to LEDGER_MAX_AMOUNT. */
bool credits_parse(const char *text, int64_t *ret);
