/*
 * What can be bought: CREDITS[+BONUS] for PRICE, separated by commas.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_PACKAGES = 12 };

struct package {
    int64_t credits, bonus; /* hundredths of a credit */
    int64_t price;          /* hundredths of the currency */
};

/* Reads the list. False when it cannot be understood, or has more of them. */
bool packages_read(const char *list, struct package ret[MAX_PACKAGES], size_t *ret_count);
