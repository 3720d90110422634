/*
 * Insert if it is missing, then read: two hosts that start together agree on one value.
 */
#include "host/store/secrets.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/hex.h"

static AISHA_ASYNC int read_secret(struct db *db, struct arena *arena, const char *name,
                                   struct secret *ret_secret)
{
    uint8_t fresh[SECRET_SIZE];
    const struct aisha_rows *rows;
    size_t size;

    if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh)
        return -EIO;
    int r = db_query(db, arena,
                     &AISHA_SQL("INSERT INTO secrets (name, value, created_at) VALUES ($1, $2, $3)"
                                " ON CONFLICT (name) DO NOTHING",
                                name, hex_encode(arena, fresh, sizeof fresh), (int64_t)time(NULL)),
                     NULL);
    if (r < 0)
        return r;
    r = db_query(db, arena, &AISHA_SQL("SELECT value, previous FROM secrets WHERE name = $1", name),
                 &rows);
    if (r < 0)
        return r;
    const void *value = hex_decode(arena, aisha_cell_text(rows, 0, "value"), &size);
    if (!value || size != SECRET_SIZE)
        return -AISHA_E_INVALID;
    memcpy(ret_secret->value, value, SECRET_SIZE);
    const void *previous = hex_decode(arena, aisha_cell_text(rows, 0, "previous"), &size);
    memset(ret_secret->previous, 0, SECRET_SIZE);
    if (previous && size == SECRET_SIZE)
        memcpy(ret_secret->previous, previous, SECRET_SIZE);
    return 0;
}

int secret_get(struct db *db, const char *name, struct secret *ret_secret)
{
    struct arena arena = {0};

    int r = read_secret(db, &arena, name, ret_secret);
    arena_clear(&arena);
    return r;
}
