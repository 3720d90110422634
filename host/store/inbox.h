/*
 * Updates between "Telegram may forget it" and "it took effect".
 *
 * A batch (what one getUpdates brought) is one row, on disk before the next offset acknowledges it.
 * Each update in it becomes done once: with the unit's own transaction (inbox_done_statement), or,
 * when the unit wrote nothing, with some later commit. When all are done the row goes.
 *
 * Updates may be delivered while their row is being written. What may not be done twice waits for the
 * row (inbox_wait_stored), and so does every transaction of a unit; a message does not, for it could be
 * sent twice after a crash in any case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;
struct inbox;
struct inbox_batch;
struct loop;

/* One update that has to be handled. Borrows from its batch until inbox_done(). */
struct inbox_item {
    struct inbox_batch *batch;
    int64_t update_id;
    int64_t received_at; /* UTC seconds */
    const cJSON *update;
};

/* When updates are delivered. */
enum inbox_when {
    INBOX_STORED,
    INBOX_EARLY, /* while they are being written, unless the database is known to be away */
};

/* May end the item at once. */
typedef void inbox_deliver(const struct inbox_item *item, void *user);

/* Loads what was seen. deliver(item, user) is called for each update to handle, never re-entered
 * from inbox_done(). */
AISHA_ASYNC AISHA_CHECKED int inbox_open(struct inbox **ret_inbox, struct loop *loop, struct db *db,
                                         int64_t bot_id, inbox_deliver *deliver, void *user);

/* No task may be using it. Undone updates stay in the database. NULL is fine. */
void inbox_free(struct inbox *inbox);

/* Delivers what an earlier process left undone. Before the first inbox_receive(). */
AISHA_ASYNC AISHA_CHECKED int inbox_replay(struct inbox *inbox);

/*
 * Delivers the updates of a getUpdates result (takes the array in any case) that were not seen before,
 * and stores them. text, if it is not NULL, is what the array was read from: if all are new, they are
 * stored as they came. On success they may be acknowledged up to ret_last_id, which is left alone when
 * there is none. Elements that are not updates are skipped. Those that cannot be stored are kept and
 * delivered once; the next call stores them first, and fails if it still cannot.
 * -AISHA_E_LIMIT for more than 1000 elements.
 */
AISHA_ASYNC AISHA_CHECKED int inbox_receive(struct inbox *inbox, cJSON *updates, const char *text,
                                            enum inbox_when when, int64_t *ret_last_id);

/*
 * Takes an update (JSON) that was done once more, whatever was seen, in one transaction with another
 * statement. -AISHA_E_CONFLICT: what it came with is not done yet; try again later. -AISHA_E_INVALID:
 * it is no update.
 */
AISHA_ASYNC AISHA_CHECKED int inbox_receive_again(struct inbox *inbox, const char *text,
                                                  const struct aisha_statement *with);

/* Whether the item's row is on disk. One without a batch is no update, and has none to wait for. */
bool inbox_is_stored(const struct inbox_item *item);

/* Suspends until the item's row is on disk. Returns 0 or -AISHA_E_CANCELED. */
AISHA_ASYNC AISHA_CHECKED int inbox_wait_stored(const struct inbox_item *item);

/* The statement that makes the update done; for the unit's transaction, after inbox_wait_stored().
 * Params are in arena. */
struct aisha_statement inbox_done_statement(const struct inbox *inbox, struct arena *arena,
                                            const struct inbox_item *item);

/* Whether that statement has been committed, for an item whose unit has not ended. */
AISHA_ASYNC AISHA_CHECKED int inbox_find_done(const struct inbox *inbox, struct arena *arena,
                                              const struct inbox_item *item, bool *ret_is_done);

/* The unit has ended. is_committed: its done statement is in the database. The item's update is
 * gone after this. */
void inbox_done(struct inbox *inbox, const struct inbox_item *item, bool is_committed);

/* The unit did not end (shutdown): it will be delivered again at the next start. */
void inbox_give_up(struct inbox *inbox, const struct inbox_item *item);

/* Updates delivered and not yet done. */
size_t inbox_pending(const struct inbox *inbox);

/* Writes what only waits for the next commit, and what is handled and could not be stored. */
AISHA_ASYNC AISHA_CHECKED int inbox_flush(struct inbox *inbox);
