/*
 * db_fixture.h with an inbox, and what it has delivered.
 */
#pragma once

#include "host/store/inbox.h"
#include "tests/unit/db_fixture.h"

enum { BOT_ID = 1234567890, MAX_DELIVERED = 20000 };

enum ending {
    NOT_YET,
    COMMITTED,   /* its mark was written first */
    UNCOMMITTED, /* it wrote nothing */
    GIVEN_UP,
};

struct delivered {
    struct fixture *f;
    struct inbox *inbox;
    enum ending at_once; /* how deliver() ends everything, unless NOT_YET */
    enum inbox_when when;
    size_t count, ended;

    struct {
        struct inbox_item item;
        bool was_stored; /* when it was delivered */
        enum ending ending;
    } items[MAX_DELIVERED];
};

/* One at a time; also empties what was delivered before. */
void open_inbox(struct fixture *f, int64_t bot_id);
/* Gives up what has not ended. */
void close_inbox(struct fixture *f);
extern struct delivered delivered;

/* Runs the scenario with the inbox of BOT_ID open. */
void run_with_inbox(struct fixture *f, scenario *run);

/* Returns what inbox_receive() does; last_id is left alone where it does. */
int receive_json(const char *json, int64_t *ret_last_id);
/* first, first + step, … (count of them), each an update with the text "update N". */
int receive_range(int64_t first, size_t count, int64_t step);

/* Ends the update that was delivered last with that id. */
void end(int64_t update_id, enum ending how);
void end_all(enum ending how);

/* Ids delivered since the inbox was opened, as "1 2 3". */
const char *ids_delivered(void);

#define CHECK_IDS(f, wanted) check_ids((f), (wanted), __FILE__, __LINE__)
void check_ids(struct fixture *f, const char *wanted, const char *file, int line);
