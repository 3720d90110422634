/*
 * Copies of dialogues, so that most updates need not ask the database what is pending: in Redis, or
 * without one in this process' memory.
 *
 * A copy is never wrong, whatever the cache forgets or brings back. This process alone changes the
 * dialogues of its database. It keeps a number for each of many groups of them, which grows before
 * a change of one of the group is sent to the database and again when that is through. A copy is
 * named by this process and the number, is only made of what was read while the number stood
 * still and nothing was under way, and cannot be asked for once it has grown: so under one name
 * there is only ever one content. A change whose outcome is not known leaves its group without
 * copies for longer than the server can still be busy with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

#include "host/store/dialog.h"

struct cache;
struct dialog_copies;
struct loop;

/* Borrows the three. */
int dialog_copies_new(struct dialog_copies **ret_copies, struct loop *loop, struct db *db,
                      struct cache *cache);

/* NULL is fine. */
void dialog_copies_free(struct dialog_copies *copies);

/* As dialog_find(). */
AISHA_ASYNC AISHA_CHECKED int dialog_copies_find(struct dialog_copies *copies, struct arena *arena,
                                                 const struct dialog_key *key,
                                                 struct dialog *ret_dialog);

/* Before a statement of dialog_statement() is sent to the database. */
void dialog_copies_change_begins(struct dialog_copies *copies, const struct dialog_key *key);

/* After that. is_known: it has taken effect, and now is what is pending, or NULL. Otherwise nobody
 * knows. */
void dialog_copies_change_ends(struct dialog_copies *copies, const struct dialog_key *key,
                               bool is_known, const struct dialog *now);
