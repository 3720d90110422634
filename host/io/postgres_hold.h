/*
 * How one process keeps a database for itself: it holds an advisory lock in a session of its own. The
 * server gives the lock back when that session ends, in milliseconds when the process has died, within
 * 11 s when its machine has. Who gets the lock first ends what sessions of earlier holders are left, so
 * that nothing of theirs is written from then on; who loses it notices within 6 s. The table
 * last_holder has the name of who took it last, so that who gets it back knows whether another had it
 * meanwhile, of whose changes it has seen nothing.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct loop;
struct postgres_hold;
struct workers;

enum { POSTGRES_NAME_SIZE = 64 };

/* A name for all sessions of this process, which no other has. */
void postgres_hold_name(char ret_name[POSTGRES_NAME_SIZE]);

/* url, name and workers are borrowed. taken: somebody else has the lock that was ours, or has had it
 * since. */
AISHA_CHECKED int postgres_hold_new(struct postgres_hold **ret_hold, struct loop *loop,
                                    struct workers *workers, const char *url, const char *name,
                                    void (*taken)(const char *who, void *user), void *user);

/* Takes the lock, keeps it and takes it again, until the task is cancelled. */
AISHA_ASYNC void postgres_hold_run(struct postgres_hold *hold);

/* Waits until it is held, or never will be. -AISHA_E_CONFLICT: somebody else has it, and does not end.
 * Others: the server refuses it, and asking again would not help. */
AISHA_ASYNC AISHA_CHECKED int postgres_hold_wait(struct postgres_hold *hold);

/* Also without one (NULL): everybody may use the database. */
bool postgres_hold_is_held(const struct postgres_hold *hold);

/* Who has it, or why it is not held; "" when all is well. */
const char *postgres_hold_error(const struct postgres_hold *hold);

/* It may not be running. Gives the lock back. NULL is fine. */
void postgres_hold_free(struct postgres_hold *hold);
