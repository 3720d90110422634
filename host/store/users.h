/*
 * People the bot has met. One row each, made at the first contact and refreshed when they rename
 * themselves in Telegram.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct db;

/* As an update describes them; texts are borrowed and may be NULL. */
struct user_profile {
    int64_t telegram_id;
    const char *first_name, *last_name, *username, *language_code;
};

struct user {
    const char *id;     /* UUID */
    const char *locale; /* what they chose, or NULL */
};

/* Finds or registers the person and brings the row up to date. Texts are in arena. */
AISHA_ASYNC AISHA_CHECKED int users_meet(struct db *db, struct arena *arena,
                                         const struct user_profile *profile, struct user *ret_user);
