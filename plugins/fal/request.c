#include "request.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "user_id, id, job_id, listener, op_id, kind, order_json, created_at, version, state,"          \
    " is_unwanted, model, turn, upload_url, request_id, status_url, response_url, cancel_url,"     \
    " submits, unsure, deadline_at, next_at, pauses, is_told_to_stop, ahead, percent, log,"        \
    " answer, result, cause, reason, is_delivered, ended_at, started_at"
#define ACTIVE "('submitting', 'submitted', 'queued', 'running')"

const char fal_columns[] = COLUMNS;

static const char *const kinds[] = {[FAL_TRAINING] = "training", [FAL_DRAWING] = "drawing"};

static const char *text(const struct aisha_rows *rows, size_t row, const char *column)
{
    const char *value = aisha_cell_text(rows, row, column);

    return value ? value : "";
}

void request_read(const struct aisha_rows *rows, size_t row, struct fal_request *ret)
{
    int state = fal_state_of_name(text(rows, row, "state"));

#define TEXT(column) .column = text(rows, row, #column)
#define INT(column) .column = aisha_cell_int(rows, row, #column)
    *ret = (struct fal_request){
        TEXT(user_id),
        TEXT(id),
        TEXT(job_id),
        TEXT(listener),
        TEXT(op_id),
        .kind =
            strcmp(text(rows, row, "kind"), kinds[FAL_TRAINING]) == 0 ? FAL_TRAINING : FAL_DRAWING,
        .order = text(rows, row, "order_json"),
        INT(created_at),
        INT(version),
        .machine = {.state = state >= 0 ? (enum fal_state)state : FAL_FAILED,
                    .is_unwanted = aisha_cell_int(rows, row, "is_unwanted") != 0},
        TEXT(model),
        INT(turn),
        TEXT(upload_url),
        TEXT(request_id),
        TEXT(status_url),
        TEXT(response_url),
        TEXT(cancel_url),
        INT(submits),
        INT(unsure),
        INT(deadline_at),
        INT(next_at),
        INT(pauses),
        .is_told_to_stop = aisha_cell_int(rows, row, "is_told_to_stop") != 0,
        INT(ahead),
        INT(percent),
        TEXT(log),
        TEXT(answer),
        TEXT(result),
        .cause = (enum aisha_cause)aisha_cell_int(rows, row, "cause"),
        TEXT(reason),
        .is_delivered = aisha_cell_int(rows, row, "is_delivered") != 0,
        INT(ended_at),
        INT(started_at),
    };
#undef TEXT
#undef INT
}

int request_load(struct aisha_ctx *ctx, const char *id, struct fal_request *ret)
{
    const struct aisha_rows *rows;

    int r =
        aisha_db_query(ctx, &rows, "SELECT " COLUMNS " FROM provider_requests WHERE id = $1", id);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    request_read(rows, 0, ret);
    return 0;
}

/* More parameters than AISHA_SQL() takes. */
static struct aisha_statement statement(struct aisha_ctx *ctx, const char *sql,
                                        const struct aisha_value *values, size_t count)
{
    struct aisha_value *copy = aisha_alloc(ctx, count * sizeof *copy);

    memcpy(copy, values, count * sizeof *copy);
    return (struct aisha_statement){.sql = sql, .params = copy, .param_count = count};
}

struct aisha_statement request_insert(struct aisha_ctx *ctx, const struct fal_request *request)
{
    const struct aisha_value values[] = {
        aisha_value(request->user_id),    aisha_value(request->id),
        aisha_value(request->job_id),     aisha_value(request->listener),
        aisha_value(request->op_id),      aisha_value(kinds[request->kind]),
        aisha_value(request->order),      aisha_value(request->created_at),
        aisha_value(request->deadline_at)};

    return statement(ctx,
                     "INSERT INTO provider_requests (user_id, id, job_id, listener, op_id, kind,"
                     " order_json, created_at, deadline_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                     values, sizeof values / sizeof *values);
}

int request_save(struct aisha_ctx *ctx, struct fal_request *request)
{
    const struct aisha_value values[] = {
        aisha_value(request->user_id),
        aisha_value(request->id),
        aisha_value(request->version),
        aisha_value(fal_state_name(request->machine.state)),
        aisha_value((int64_t)request->machine.is_unwanted),
        aisha_value(request->model),
        aisha_value(request->turn),
        aisha_value(request->upload_url),
        aisha_value(request->request_id),
        aisha_value(request->status_url),
        aisha_value(request->response_url),
        aisha_value(request->cancel_url),
        aisha_value(request->submits),
        aisha_value(request->unsure),
        aisha_value(request->deadline_at),
        aisha_value(request->next_at),
        aisha_value(request->pauses),
        aisha_value((int64_t)request->is_told_to_stop),
        aisha_value(request->ahead),
        aisha_value(request->percent),
        aisha_value(request->log),
        aisha_value(request->answer),
        aisha_value(request->result),
        aisha_value((int64_t)request->cause),
        aisha_value(request->reason),
        aisha_value((int64_t)request->is_delivered),
        aisha_value(request->ended_at),
        aisha_value(request->started_at),
    };
    const struct aisha_statement update =
        statement(ctx,
                  "UPDATE provider_requests SET version = version + 1, state = $4,"
                  " is_unwanted = $5, model = $6, turn = $7, upload_url = $8, request_id = $9,"
                  " status_url = $10, response_url = $11, cancel_url = $12, submits = $13,"
                  " unsure = $14, deadline_at = $15, next_at = $16, pauses = $17,"
                  " is_told_to_stop = $18, ahead = $19, percent = $20, log = $21, answer = $22,"
                  " result = $23, cause = $24, reason = $25, is_delivered = $26, ended_at = $27,"
                  " started_at = $28"
                  " WHERE user_id = $1 AND id = $2 AND version = $3",
                  values, sizeof values / sizeof *values);
    const struct aisha_rows *rows;

    int r = aisha_db_query_(ctx, &rows, &update);
    if (r < 0)
        return r;
    if (rows->changed_count == 0)
        return REQUEST_STALE;
    request->version++;
    return 0;
}

/* ---- turns ---- */

/* A row that everybody writes to first. */
int request_lock_model(struct aisha_ctx *ctx, const char *model)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO fal_facts (name, number, noted_at) VALUES ($1, 1, $2)"
                         " ON CONFLICT (name) DO UPDATE SET number = fal_facts.number + 1",
                         aisha_printf(ctx, "turns:%s", model), aisha_now(ctx));
}

#define OF_OWNER " FROM provider_requests AS a WHERE a.model = $1 AND a.user_id = w.user_id"

/* Those that wait, in the order of their turns: first whose owner has the fewest at work or older in
 * line, then whose owner was served the longest ago, then the oldest. */
#define LINE                                                                                       \
    "WITH w AS (SELECT w.id, w.job_id, w.created_at,"                                              \
    " (SELECT COUNT(*)" OF_OWNER " AND a.state IN " ACTIVE ") + ROW_NUMBER() OVER"                 \
    " (PARTITION BY w.user_id ORDER BY w.created_at, w.id) AS place,"                              \
    " (SELECT MAX(a.started_at)" OF_OWNER ") AS served"                                            \
    " FROM provider_requests AS w"                                                                 \
    " WHERE w.state = 'waiting' AND w.model = $1 AND w.next_at <= $2),"                            \
    " line AS (SELECT id, job_id, ROW_NUMBER() OVER"                                               \
    " (ORDER BY place, served, created_at, id) AS number FROM w)"

int request_place(struct aisha_ctx *ctx, const struct fal_request *request, int64_t *ret_before,
                  int64_t *ret_active)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           LINE " SELECT (SELECT number - 1 FROM line WHERE id = $3) AS before_it,"
                                " (SELECT COUNT(*) FROM provider_requests"
                                "  WHERE model = $1 AND state IN " ACTIVE ") AS active",
                           request->model, aisha_now(ctx), request->id);
    if (r < 0)
        return r;
    *ret_before = aisha_cell_int(rows, 0, "before_it");
    *ret_active = aisha_cell_int(rows, 0, "active");
    return 0;
}

int request_wake_next(struct aisha_ctx *ctx, const char *model)
{
    const struct aisha_rows *rows;

    if (!*model)
        return 0;
    int r = aisha_db_query(ctx, &rows, LINE " SELECT job_id FROM line ORDER BY number LIMIT 2",
                           model, aisha_now(ctx));
    for (size_t i = 0; r == 0 && i < rows->row_count; i++)
        r = aisha_job_wake(ctx, aisha_cell_text(rows, i, "job_id"));
    return r;
}

enum aisha_work_phase request_phase(const struct fal_request *request)
{
    static const enum aisha_work_phase phases[FAL_STATE_COUNT] = {
        [FAL_WAITING] = AISHA_WORK_WAITING,     [FAL_SUBMITTING] = AISHA_WORK_QUEUED,
        [FAL_SUBMITTED] = AISHA_WORK_QUEUED,    [FAL_QUEUED] = AISHA_WORK_QUEUED,
        [FAL_RUNNING] = AISHA_WORK_RUNNING,     [FAL_COLLECTING] = AISHA_WORK_COLLECTING,
        [FAL_SUCCEEDED] = AISHA_WORK_SUCCEEDED, [FAL_FAILED] = AISHA_WORK_FAILED,
        [FAL_CANCELLED] = AISHA_WORK_CANCELLED, [FAL_EXPIRED] = AISHA_WORK_EXPIRED,
    };

    return phases[request->machine.state];
}
