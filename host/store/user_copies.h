/*
 * Copies of people's rows in memory, so that most updates need not read theirs.
 *
 * This process alone changes the rows of its database. What an update says of its sender is compared
 * with the copy; what is only in the row (the language they chose, whether they left) is forgotten
 * before it is changed, and not copied again until no statement of ours can still be under way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct loop;
struct user;
struct user_copies;
struct user_profile;

/* Borrows the loop. -ENOMEM. */
int user_copies_new(struct user_copies **ret_copies, struct loop *loop);

/* NULL is fine. */
void user_copies_free(struct user_copies *copies);

/* Whether there is a copy that was kept with just this profile; its texts are then in arena. */
bool user_copies_find(struct user_copies *copies, struct arena *arena,
                      const struct user_profile *profile, struct user *ret_user);

/* Keeps what was read just now; the texts are copied. */
void user_copies_keep(struct user_copies *copies, const struct user_profile *profile,
                      const struct user *user);

/* Before names in the row are brought up to date. */
void user_copies_drop(struct user_copies *copies, int64_t telegram_id);

/* Before anything else in the row is changed, and again after the statement, however it ended. */
void user_copies_forget(struct user_copies *copies, int64_t telegram_id);
