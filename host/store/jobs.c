#include "host/store/jobs.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/hex.h"
#include "host/store/statement.h"

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- enqueueing ---- */

struct aisha_statement job_insert(struct arena *arena, const struct job_order *order)
{
    int64_t run_at_ms = order->run_at_ms ? order->run_at_ms : now_ms();

    return STATEMENT(arena,
                     "INSERT INTO jobs (id, plugin, kind, telegram_id, chat_id, thread_id,"
                     " message_id, quote_id, unique_key, data, run_at, priority)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                     " ON CONFLICT DO NOTHING",
                     order->id, order->plugin, order->kind, order->place.telegram_id,
                     order->place.chat_id, order->place.thread_id, order->place.message_id,
                     order->place.quote_id, order->unique,
                     hex_encode(arena, order->data, order->data_size), run_at_ms, order->priority);
}

struct aisha_statement job_find_unique(struct arena *arena, const struct job_order *order)
{
    return STATEMENT(arena,
                     "SELECT id FROM jobs WHERE plugin = $1 AND kind = $2 AND unique_key = $3",
                     order->plugin, order->kind, order->unique);
}

/* ---- claiming ---- */

/* Whose owner has the fewest running comes first; of one owner's, the oldest. */
#define DUE                                                                                        \
    "WITH due AS (SELECT id, priority, run_at,"                                                    \
    " (SELECT COUNT(*) FROM jobs AS r WHERE r.state = 'running'"                                   \
    "  AND r.telegram_id = j.telegram_id) AS running,"                                             \
    " (SELECT COUNT(*) FROM jobs AS r WHERE r.state = 'running' AND r.lease_until >= $3"           \
    "  AND r.telegram_id = j.telegram_id AND r.plugin = $1 AND r.kind = $2) AS running_alike,"     \
    " ROW_NUMBER() OVER (PARTITION BY telegram_id ORDER BY priority DESC, run_at, id) AS place"    \
    " FROM jobs AS j WHERE plugin = $1 AND kind = $2 AND (state = 'waiting' AND run_at <= $3"      \
    " OR state = 'running' AND lease_until < $3)),"                                                \
    " chosen AS (SELECT id FROM due WHERE $7 = 0 OR running_alike = 0 AND place = 1"               \
    " ORDER BY priority DESC, running + place, run_at, id LIMIT"                                   \
    " (SELECT CASE WHEN $6 = 0 OR $6 - COUNT(*) > $5 THEN $5"                                      \
    "  WHEN $6 > COUNT(*) THEN $6 - COUNT(*) ELSE 0 END FROM jobs"                                 \
    "  WHERE plugin = $1 AND kind = $2 AND state = 'running' AND lease_until >= $3))"

#define TAKE                                                                                       \
    " UPDATE jobs SET state = 'running', attempt = attempt + 1, tried = tried + 1, is_woken = 0,"  \
    " lease_until = $4 WHERE id IN (SELECT id FROM taken)"                                         \
    " RETURNING id, kind, telegram_id, chat_id, thread_id, message_id, quote_id, data, error,"     \
    " attempt, tried, is_failing, is_cancelled"

static const char claim_sqlite[] = DUE ", taken AS (SELECT id FROM chosen)" TAKE;

static const char claim_postgres[] =
    DUE ", taken AS MATERIALIZED (SELECT id FROM jobs WHERE id IN (SELECT id FROM chosen)"
        " AND (state = 'waiting' OR lease_until < $3) FOR UPDATE SKIP LOCKED)" TAKE;

static void read_lease(struct arena *arena, const struct aisha_rows *rows, size_t i,
                       const char *plugin, struct job_lease *ret)
{
    size_t size;
    const void *data = hex_decode(arena, aisha_cell_text(rows, i, "data"), &size);

    *ret = (struct job_lease){
        .id = aisha_cell_text(rows, i, "id"),
        .plugin = plugin,
        .kind = aisha_cell_text(rows, i, "kind"),
        .error = aisha_cell_text(rows, i, "error"),
        .place = {.telegram_id = aisha_cell_int(rows, i, "telegram_id"),
                  .chat_id = aisha_cell_int(rows, i, "chat_id"),
                  .thread_id = aisha_cell_int(rows, i, "thread_id"),
                  .message_id = aisha_cell_int(rows, i, "message_id"),
                  .quote_id = aisha_cell_int(rows, i, "quote_id")},
        .data = data,
        .data_size = size,
        .attempt = aisha_cell_int(rows, i, "attempt"),
        .tried = aisha_cell_int(rows, i, "tried"),
        .is_failing = aisha_cell_int(rows, i, "is_failing") != 0,
        .is_cancelled = aisha_cell_int(rows, i, "is_cancelled") != 0,
    };
}

int jobs_claim(struct db *db, struct arena *arena, const struct job_limits *limits,
               const struct job_lease **ret_leases, size_t *ret_count, int64_t *ret_next_ms)
{
    int64_t now = now_ms();
    /* Several hosts that count at the same time would all find room. */
    const struct aisha_statement statements[] = {
        AISHA_SQL("SELECT pg_advisory_xact_lock(hashtext($1 || '/' || $2))", limits->plugin,
                  limits->kind),
        AISHA_SQL(db_is_postgres(db) ? claim_postgres : claim_sqlite, limits->plugin, limits->kind,
                  now, now + JOB_LEASE_MS, limits->most, limits->at_once,
                  (int64_t)limits->is_serial),
        AISHA_SQL("SELECT MIN(CASE state WHEN 'waiting' THEN run_at ELSE lease_until END) AS next"
                  " FROM jobs WHERE plugin = $1 AND kind = $2 AND state IN ('waiting', 'running')",
                  limits->plugin, limits->kind),
    };
    size_t skipped = db_is_postgres(db) && (limits->at_once > 0 || limits->is_serial) ? 0 : 1;
    const struct aisha_rows *rows[3];

    int r = db_batch(db, arena, statements + skipped, 3 - skipped, rows + skipped);
    if (r < 0)
        return r;
    struct job_lease *leases = arena_alloc(arena, (rows[1]->row_count + 1) * sizeof *leases);
    for (size_t i = 0; i < rows[1]->row_count; i++)
        read_lease(arena, rows[1], i, limits->plugin, &leases[i]);
    *ret_leases = leases;
    *ret_count = rows[1]->row_count;
    bool has_next = aisha_cell(rows[2], 0, "next")->type == AISHA_INT;
    *ret_next_ms = has_next ? aisha_cell_int(rows[2], 0, "next") : INT64_MAX;
    return 0;
}

static AISHA_ASYNC int run_alone(struct db *db, struct aisha_statement statement)
{
    struct arena arena = {0};

    int r = db_query(db, &arena, &statement, NULL);
    arena_clear(&arena);
    return r;
}

int jobs_forget_leases(struct db *db)
{
    return run_alone(db, AISHA_SQL("UPDATE jobs SET lease_until = 0 WHERE state = 'running'"));
}

int job_renew(struct db *db, const struct job_lease *lease, int64_t percent, int64_t message_id)
{
    const struct aisha_rows *rows;
    struct arena arena = {0};

    int r = db_query(db, &arena,
                     &AISHA_SQL("UPDATE jobs SET lease_until = $3, percent = $4, message_id = $5"
                                " WHERE id = $1 AND attempt = $2 AND state = 'running'"
                                " RETURNING is_cancelled, is_failing",
                                lease->id, lease->attempt, now_ms() + JOB_LEASE_MS, percent,
                                message_id),
                     &rows);
    if (r == 0 && rows->row_count == 0)
        r = JOB_LOST;
    else if (r == 0 && aisha_cell_int(rows, 0, "is_cancelled") &&
             !aisha_cell_int(rows, 0, "is_failing"))
        r = JOB_TO_CANCEL;
    arena_clear(&arena);
    return r;
}

/* ---- what an attempt writes ---- */

/* A column that may not be NULL refuses a stale attempt, on either database and in any batch. */
struct aisha_statement job_guard(struct arena *arena, const struct job_lease *lease)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET kind = CASE WHEN attempt = $2 AND state = 'running'"
                     " THEN kind END WHERE id = $1",
                     lease->id, lease->attempt);
}

struct aisha_statement job_store_data(struct arena *arena, const struct job_lease *lease,
                                      const void *data, size_t size)
{
    return STATEMENT(arena, "UPDATE jobs SET data = $2 WHERE id = $1", lease->id,
                     hex_encode(arena, data, size));
}

struct aisha_statement job_store_message(struct arena *arena, const struct job_lease *lease,
                                         int64_t message_id)
{
    return STATEMENT(arena, "UPDATE jobs SET message_id = $2 WHERE id = $1", lease->id, message_id);
}

struct aisha_statement job_done(struct arena *arena, const struct job_lease *lease,
                                const char *result)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET state = 'done', percent = 100, result = $2, error = NULL,"
                     " ended_at = $3 WHERE id = $1",
                     lease->id, result, now_ms());
}

struct aisha_statement job_again(struct arena *arena, const struct job_lease *lease,
                                 int64_t after_ms)
{
    int64_t now = now_ms();

    return STATEMENT(arena,
                     "UPDATE jobs SET state = 'waiting', tried = tried - 1,"
                     " run_at = CASE is_woken WHEN 0 THEN $2 ELSE $3 END WHERE id = $1",
                     lease->id, now + after_ms, now);
}

struct aisha_statement job_retry(struct arena *arena, const struct job_lease *lease,
                                 int64_t after_ms, const char *error)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET state = 'waiting', run_at = $2, error = $3 WHERE id = $1",
                     lease->id, now_ms() + after_ms, error);
}

struct aisha_statement job_fail(struct arena *arena, const struct job_lease *lease,
                                const char *error, bool is_cancelled)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET state = 'waiting', run_at = $2, error = $3, is_failing = 1,"
                     " tried = 0, is_cancelled = $4 WHERE id = $1",
                     lease->id, now_ms(), error, (int64_t)is_cancelled);
}

struct aisha_statement job_bury(struct arena *arena, const struct job_lease *lease)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET ended_at = $2,"
                     " state = CASE is_cancelled WHEN 0 THEN 'dead' ELSE 'cancelled' END"
                     " WHERE id = $1",
                     lease->id, now_ms());
}

/* ---- from outside ---- */

int job_find(struct db *db, struct arena *arena, const char *plugin, const char *id,
             struct job_status *ret_status)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT state, result, error, attempt, percent FROM jobs"
                                " WHERE id = $1 AND plugin = $2",
                                id, plugin),
                     &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret_status = (struct job_status){.state = aisha_cell_text(rows, 0, "state"),
                                      .result = aisha_cell_text(rows, 0, "result"),
                                      .error = aisha_cell_text(rows, 0, "error"),
                                      .attempt = aisha_cell_int(rows, 0, "attempt"),
                                      .percent = aisha_cell_int(rows, 0, "percent")};
    return 0;
}

int job_has_ended(struct db *db, struct arena *arena, const char *id, bool *ret_has_ended)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT 1 FROM jobs WHERE id = $1"
                                " AND state IN ('waiting', 'running')",
                                id),
                     &rows);
    if (r == 0)
        *ret_has_ended = rows->row_count == 0;
    return r;
}

/* One that runs is told to go on instead of waiting again. */
struct aisha_statement job_wake(struct arena *arena, const char *plugin, const char *id)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET is_woken = 1, run_at = CASE WHEN run_at < $3 THEN run_at"
                     " ELSE $3 END WHERE id = $1 AND plugin = $2"
                     " AND state IN ('waiting', 'running')",
                     id, plugin, now_ms());
}

struct aisha_statement job_cancel(struct arena *arena, const char *plugin, const char *id)
{
    return STATEMENT(arena,
                     "UPDATE jobs SET is_cancelled = 1,"
                     " is_failing = CASE state WHEN 'waiting' THEN 1 ELSE 0 END,"
                     " tried = CASE state WHEN 'waiting' THEN 0 ELSE tried END,"
                     " run_at = CASE state WHEN 'waiting' THEN $3 ELSE run_at END"
                     " WHERE id = $1 AND plugin = $2 AND is_failing = 0 AND is_cancelled = 0"
                     " AND state IN ('waiting', 'running')",
                     id, plugin, now_ms());
}

int job_find_shown(struct db *db, struct arena *arena, const struct job_place *place,
                   struct job_name *ret_name)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT plugin, kind, id FROM jobs WHERE chat_id = $1"
                                " AND telegram_id = $2 AND state IN ('waiting', 'running')"
                                " AND (message_id = $3 OR $3 = 0 AND message_id <> 0)"
                                " AND is_failing = 0 ORDER BY id DESC LIMIT 1",
                                place->chat_id, place->telegram_id, place->message_id),
                     &rows);
    if (r < 0)
        return r;
    *ret_name = (struct job_name){.plugin = aisha_cell_text(rows, 0, "plugin"),
                                  .kind = aisha_cell_text(rows, 0, "kind"),
                                  .id = aisha_cell_text(rows, 0, "id")};
    return ret_name->id ? 0 : -AISHA_E_NOT_FOUND;
}

int jobs_sweep(struct db *db)
{
    int64_t oldest = now_ms() - (int64_t)JOB_KEPT_DAYS * 24 * 3600 * 1000;

    return run_alone(db, AISHA_SQL("DELETE FROM jobs WHERE state IN ('done', 'cancelled')"
                                   " AND ended_at < $1",
                                   oldest));
}
