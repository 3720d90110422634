#include "host/store/dead_letters.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/statement.h"

/* The same columns of both tables. */
#define UPDATES                                                                                    \
    "SELECT CAST(update_id AS TEXT) AS id, '' AS plugin, 'update' AS kind, failed_at,"             \
    " attempts, reason, is_marked"
#define JOBS                                                                                       \
    "SELECT id, plugin, kind, ended_at / 1000 AS failed_at, attempt AS attempts, error AS reason," \
    " 0 AS is_marked"

struct aisha_statement dead_update_insert(struct arena *arena, const struct dead_update *dead)
{
    return STATEMENT(arena,
                     "INSERT INTO dead_updates (bot_id, update_id, body, reason, attempts,"
                     " failed_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                     dead->bot_id, dead->update_id, dead->body, dead->reason, dead->attempts,
                     (int64_t)time(NULL));
}

int dead_updates_marked(struct db *db, struct arena *arena, int64_t bot_id,
                        const struct aisha_rows **ret)
{
    return db_query(db, arena,
                    &AISHA_SQL("SELECT update_id, body FROM dead_updates"
                               " WHERE is_marked = 1 AND bot_id = $1 ORDER BY update_id LIMIT 100",
                               bot_id),
                    ret);
}

struct aisha_statement dead_update_delete(struct arena *arena, int64_t bot_id, int64_t update_id)
{
    return STATEMENT(arena, "DELETE FROM dead_updates WHERE bot_id = $1 AND update_id = $2", bot_id,
                     update_id);
}

int dead_letters_list(struct db *db, struct arena *arena, int64_t bot_id,
                      struct dead_letters_place after, const struct aisha_rows **ret_rows)
{
    return db_query(db, arena,
                    &AISHA_SQL("SELECT * FROM (" UPDATES
                               " FROM dead_updates WHERE bot_id = $1 UNION ALL " JOBS
                               " FROM jobs WHERE state = 'dead') AS letters"
                               " WHERE failed_at > $2 OR (failed_at = $2 AND id > $3)"
                               " ORDER BY failed_at, id LIMIT $4",
                               bot_id, after.failed_at, after.id, DEAD_LETTERS_PAGE),
                    ret_rows);
}

/* Jobs have a uuid. */
static bool is_update(const char *id)
{
    return id[strspn(id, "0123456789")] == '\0' && strlen(id) < 19;
}

int dead_letter_find(struct db *db, struct arena *arena, int64_t bot_id, const char *id,
                     const struct aisha_rows **ret_rows)
{
    if (is_update(id))
        return db_query(db, arena,
                        &AISHA_SQL(UPDATES
                                   ", 0 AS telegram_id, 0 AS chat_id, body FROM dead_updates"
                                   " WHERE bot_id = $1 AND update_id = $2",
                                   bot_id, (int64_t)strtoll(id, NULL, 10)),
                        ret_rows);
    return db_query(db, arena,
                    &AISHA_SQL(JOBS ", telegram_id, chat_id, data AS body FROM jobs"
                                    " WHERE state = 'dead' AND id = $1",
                               id),
                    ret_rows);
}

static AISHA_ASYNC int change(struct db *db, struct arena *arena,
                              const struct aisha_statement *statement, int64_t *ret_count)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena, statement, &rows);
    if (r == 0)
        *ret_count = rows->changed_count;
    return r;
}

/* As if it had never been tried, but for the number of its attempt, which is never the same twice. */
static AISHA_ASYNC int replay_job(struct db *db, struct arena *arena, const char *id,
                                  int64_t *ret_count)
{
    int r = change(db, arena,
                   &AISHA_SQL("UPDATE jobs SET state = 'waiting', run_at = $2, tried = 0,"
                              " is_failing = 0, is_cancelled = 0, is_woken = 0, percent = 0,"
                              " ended_at = NULL WHERE id = $1 AND state = 'dead'",
                              id, (int64_t)time(NULL) * 1000),
                   ret_count);
    /* On an embedded database nobody can be told: the host looks every few seconds. */
    if (r == 0 && db_is_postgres(db))
        r = db_query(db, arena, &AISHA_SQL("SELECT pg_notify('aisha_jobs', '')"), NULL);
    return r;
}

int dead_letter_replay(struct db *db, struct arena *arena, int64_t bot_id, const char *id,
                       int64_t *ret_count)
{
    if (!is_update(id))
        return replay_job(db, arena, id, ret_count);
    return change(db, arena,
                  &AISHA_SQL("UPDATE dead_updates SET is_marked = 1"
                             " WHERE bot_id = $1 AND update_id = $2",
                             bot_id, (int64_t)strtoll(id, NULL, 10)),
                  ret_count);
}

int dead_letter_drop(struct db *db, struct arena *arena, int64_t bot_id, const char *id,
                     int64_t *ret_count)
{
    const struct aisha_statement update = dead_update_delete(arena, bot_id, strtoll(id, NULL, 10));

    return change(db, arena,
                  is_update(id)
                      ? &update
                      : &AISHA_SQL("DELETE FROM jobs WHERE state = 'dead' AND id = $1", id),
                  ret_count);
}
