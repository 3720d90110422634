/*
 * People the bot has met. One row each, made at the first contact and refreshed when they rename
 * themselves in Telegram. Who changes a row in another way has to see to its copy (user_copies.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct db;
struct user_copies;

/* As an update describes them; texts are borrowed and may be NULL. */
struct user_profile {
    int64_t telegram_id;
    const char *first_name, *last_name, *username, *language_code;
};

bool user_profile_equals(const struct user_profile *a, const struct user_profile *b);

struct user {
    const char *id;            /* UUID */
    const char *locale;        /* what they chose, or NULL */
    const char *language_code; /* what their Telegram speaks, or NULL */
    int64_t telegram_id;
    bool is_away; /* as far as we know, nothing can be sent to them */
};

enum user_absence {
    USER_HERE,
    USER_BLOCKED, /* they have blocked the bot */
    USER_GONE,    /* their account was deleted */
};

/* Finds or registers the person and brings the row up to date. Texts are in arena. */
AISHA_ASYNC AISHA_CHECKED int users_meet(struct db *db, struct user_copies *copies,
                                         struct arena *arena, const struct user_profile *profile,
                                         struct user *ret_user);

/* The person, who is known. -AISHA_E_NOT_FOUND. */
AISHA_ASYNC AISHA_CHECKED int users_find(struct db *db, struct arena *arena, int64_t telegram_id,
                                         struct user *ret_user);
AISHA_ASYNC AISHA_CHECKED int users_find_by_id(struct db *db, struct arena *arena, const char *id,
                                               struct user *ret_user);

/* Notes that they left, from when on, or that they are back; for one whom the bot has not met it
 * does nothing. */
AISHA_ASYNC AISHA_CHECKED int users_set_absence(struct db *db, struct user_copies *copies,
                                                struct arena *arena, int64_t telegram_id,
                                                enum user_absence absence);
