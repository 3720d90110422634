/*
 * Random keys that the bot makes for itself and keeps in its database.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct db;

enum { SECRET_SIZE = 32 };

struct secret {
    uint8_t value[SECRET_SIZE];
    uint8_t previous[SECRET_SIZE]; /* still accepted; all zero when there is none */
};

/* Reads the secret of that name, or makes it at the first time. */
AISHA_ASYNC AISHA_CHECKED int secret_get(struct db *db, const char *name,
                                         struct secret *ret_secret);
