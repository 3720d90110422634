/*
 * What becomes of a request. It waits in a list, in order, until fewer than so many run; then a task
 * of its own checks the input, takes its time by the sandbox's clock, and makes the output. After a
 * restart all of that happens again but for the time that has passed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/fal_webhook.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/provider_errors.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char kind[] = "fal_request", input_kind[] = "fal_input";

enum { LOG_LINES = 20, LONGEST_ID = 40, LONGEST_PATIENCE_S = 86400 };

struct fal_job {
    TAILQ_ENTRY(fal_job) link;
    struct fal *fal;
    char id[LONGEST_ID];
    bool is_started;
    bool is_cancelled;
    struct clock_timer late; /* set when it waits with a limit */
    bool is_forgotten;       /* and no longer in the list: the world has no such request */
    struct wait *waiting;    /* for its time to pass; or NULL */
};

/* ---- the record ---- */

cJSON *fal_request(struct fal *fal, struct arena *arena, const char *id)
{
    return world_record(fal->sandbox->world, arena, kind, id);
}

enum fal_state fal_state_of(const cJSON *request)
{
    if (json_get(request, "ended_ms"))
        return FAL_COMPLETED;
    return json_get(request, "started_ms") ? FAL_RUNNING : FAL_QUEUED;
}

const char *fal_state_name(enum fal_state state)
{
    static const char *const names[] = {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"};

    return names[state];
}

static void save(struct fal *fal, struct arena *arena, const cJSON *request)
{
    const char *id = json_get_text(request, "id");
    cJSON *details = cJSON_CreateObject();

    world_put_record(fal->sandbox->world, arena, kind, id, request);
    json_set_text(details, "request_id", id);
    json_set_text(details, "model", json_get_text(request, "model"));
    json_set_text(details, "status", fal_state_name(fal_state_of(request)));
    json_set_copy(details, "error", json_get(request, "error"));
    sandbox_emit(fal->sandbox, "fal", 0, details);
}

/* ---- the list ---- */

static void end_waiting(void *arg);

static void add_job(struct fal *fal, const cJSON *request)
{
    struct fal_job *job = calloc(1, sizeof *job);
    int64_t start_by_ms = json_get_int(request, "start_by_ms", 0);
    int64_t left_ms = start_by_ms - clock_now_ms(fal->sandbox->clock);

    if (!job)
        abort();
    job->fal = fal;
    strncpy(job->id, json_get_text(request, "id"), sizeof job->id - 1);
    TAILQ_INSERT_TAIL(&fal->jobs, job, link);
    if (start_by_ms && fal_state_of(request) == FAL_QUEUED)
        clock_timer_set(&job->late, fal->sandbox->clock, left_ms > 0 ? left_ms : 0, end_waiting,
                        job);
}

static struct fal_job *find_job(const struct fal *fal, const char *id)
{
    struct fal_job *job;

    TAILQ_FOREACH(job, &fal->jobs, link) {
        if (strcmp(job->id, id) == 0)
            return job;
    }
    return NULL;
}

static void remove_job(struct fal_job *job)
{
    clock_timer_clear(&job->late);
    if (!job->is_forgotten)
        TAILQ_REMOVE(&job->fal->jobs, job, link);
    free(job);
}

int64_t fal_position(const struct fal *fal, const char *id)
{
    const struct fal_job *job;
    int64_t position = 0;

    TAILQ_FOREACH(job, &fal->jobs, link) {
        if (strcmp(job->id, id) == 0)
            break;
        position += !job->is_started;
    }
    return position;
}

size_t fal_count(const struct fal *fal, bool running)
{
    const struct fal_job *job;
    size_t count = 0;

    TAILQ_FOREACH(job, &fal->jobs, link)
        count += job->is_started == running;
    return count;
}

void fal_forget_jobs(struct fal *fal)
{
    struct fal_job *job;

    while ((job = TAILQ_FIRST(&fal->jobs))) {
        TAILQ_REMOVE(&fal->jobs, job, link);
        clock_timer_clear(&job->late);
        job->is_forgotten = true;
        if (!job->is_started)
            free(job);
        else if (job->waiting)
            wait_wake(job->waiting, 0);
    }
}

/* ---- outcomes ---- */

cJSON *fal_location(const char *name)
{
    return cJSON_CreateStringArray((const char *const[]){"body", name}, 2);
}

cJSON *fal_location_in(const char *name, int index, const char *member)
{
    cJSON *location = fal_location(name);

    cJSON_AddItemToArray(location, cJSON_CreateNumber(index));
    if (member)
        cJSON_AddItemToArray(location, cJSON_CreateString(member));
    return location;
}

static void end_work(struct fal_work *work, int status, const char *body)
{
    work->status = status;
    work->body = body;
}

bool fal_fail_with(struct fal_work *work, int status, const cJSON *detail)
{
    cJSON *body = json_keep(work->arena, cJSON_CreateObject());

    json_set_copy(body, "detail", detail);
    end_work(work, status, json_text(work->arena, body));
    work->error = arena_printf(work->arena, "Invalid status code: %d", status);
    if (!work->error_type)
        work->error_type = json_get_text(cJSON_GetArrayItem(detail, 0), "type");
    return false;
}

bool fal_fail(struct fal_work *work, const char *type, cJSON *location, const char *message,
              cJSON *ctx)
{
    cJSON *details = json_keep(work->arena, cJSON_CreateArray()), *detail = cJSON_CreateObject();
    const cJSON *name = cJSON_GetArrayItem(location, 1);
    const cJSON *input = name ? json_get(work->input, name->valuestring) : NULL;

    json_set(detail, "loc", location);
    json_set_text(detail, "msg", message);
    json_set_text(detail, "type", type);
    json_set_text(detail, "url", arena_printf(work->arena, "https://docs.fal.ai/errors#%s", type));
    if (ctx)
        json_set(detail, "ctx", ctx);
    json_set(detail, "input", fal_shown_input(work->arena, input));
    cJSON_AddItemToArray(details, detail);
    return fal_fail_with(work, 422, details);
}

bool fal_succeed(struct fal_work *work, const char *output)
{
    end_work(work, 200, output);
    return true;
}

/* ---- a request at work ---- */

static const char *input_of(struct fal *fal, struct arena *arena, const char *id)
{
    const char *text =
        json_get_text(world_record(fal->sandbox->world, arena, input_kind, id), "text");

    return text ? text : "{}";
}

static bool prepare(struct fal_work *work)
{
    const cJSON *schema = fal_model_input(work->fal, work->arena, work->model->id);

    work->input_text = input_of(work->fal, work->arena, work->id);
    work->input = json_parse(work->arena, work->input_text, strlen(work->input_text));
    const cJSON *wrong = fal_check_input(work->arena, schema, work->input);
    if (cJSON_GetArraySize(wrong))
        return fal_fail_with(work, 422, wrong);
    return work->model->prepare(work);
}

/* Ends it as a fault has ordered. */
static void spoil(struct fal_work *work, const cJSON *order)
{
    const char *type = json_get_text(order, "error"), *words = json_get_text(order, "description");
    struct provider_end end = provider_run_end(type);
    const char *message = words ? words : end.message;
    int status = (int)json_get_int(order, "http", end.status);

    if (end.is_model) {
        fal_fail(work, type, fal_location("prompt"), message, NULL);
    } else {
        cJSON *body = json_keep(work->arena, cJSON_CreateObject());
        json_set_text(body, "detail", message);
        json_set_text(body, "error_type", type);
        work->body = json_text(work->arena, body);
        work->error_type = type;
    }
    work->error = arena_printf(work->arena, "Invalid status code: %d", status);
    work->is_retryable = end.is_retryable;
    work->status = status;
}

static void cancel_work(struct fal_work *work)
{
    work->error = "Request was cancelled";
    work->error_type = "client_cancelled";
    end_work(work, 499,
             "{\"detail\":\"Request was cancelled\",\"error_type\":\"client_cancelled\"}");
}

static void give_up(struct fal_work *work)
{
    work->error = "Request timed out";
    work->error_type = "request_timeout";
    end_work(work, 504, "{\"detail\":\"Request timed out\",\"error_type\":\"request_timeout\"}");
}

/* Until its time is over. false when the sandbox ends. */
static AISHA_ASYNC bool take_time(struct fal_job *job, const cJSON *request)
{
    struct clock *clock = job->fal->sandbox->clock;
    int64_t due_ms = json_get_int(request, "started_ms", 0) + json_get_int(request, "takes_ms", 0);
    int64_t left_ms = due_ms - clock_now_ms(clock);
    struct wait wait;

    if (left_ms <= 0 || job->is_cancelled || job->is_forgotten)
        return true;
    wait_init(&wait, job->fal->sandbox->loop);
    job->waiting = &wait;
    int r = clock_wait(clock, &wait, left_ms);
    job->waiting = NULL;
    return r != -AISHA_E_CANCELED;
}

/* What the work has come to is what the request has. */
static void keep(struct fal_work *work, cJSON *request)
{
    struct fal *fal = work->fal;

    json_set_int(request, "ended_ms", clock_now_ms(fal->sandbox->clock));
    json_set_int(request, "http", work->status);
    json_set_text(request, "result", work->body);
    if (work->error)
        json_set_text(request, "error", work->error);
    if (work->error_type)
        json_set_text(request, "error_type", work->error_type);
    json_set_bool(request, "is_retryable", work->is_retryable);
    world_remove_record(fal->sandbox->world, input_kind, work->id);
    save(fal, work->arena, request);
}

static void begin(struct fal *fal, struct arena *arena, cJSON *request,
                  const struct fal_model *model)
{
    if (json_get(request, "started_ms"))
        return;
    json_set_int(request, "started_ms", clock_now_ms(fal->sandbox->clock));
    json_set_int(request, "takes_ms",
                 model->is_trainer ? fal->settings.training_ms : fal->settings.generation_ms);
    save(fal, arena, request);
}

static AISHA_ASYNC void work_on(struct fal_job *job, struct arena *arena)
{
    struct fal *fal = job->fal;
    cJSON *request = fal_request(fal, arena, job->id);
    const struct fal_model *model = fal_model_of(json_get_text(request, "model"));
    struct fal_work work = {.fal = fal,
                            .arena = arena,
                            .model = model,
                            .id = job->id,
                            .base = json_get_text(request, "base")};

    if (!model)
        return;
    begin(fal, arena, request, model);
    bool is_fine = prepare(&work);
    if (!is_fine && !work.status)
        return;
    if (is_fine && !take_time(job, request))
        return;
    if (job->is_forgotten)
        return;
    const cJSON *order =
        job->is_cancelled ? NULL : faults_take_run(fal->sandbox->faults, arena, model->id);
    if (job->is_cancelled)
        cancel_work(&work);
    else if (order)
        spoil(&work, order);
    else if (is_fine)
        model->produce(&work);
    if (!work.status || job->is_forgotten)
        return;
    keep(&work, request);
    fal_webhook_send(fal, job->id);
}

static AISHA_ASYNC void run(void *arg)
{
    struct fal_job *job = arg;
    struct fal *fal = job->fal;
    struct arena arena = {0};

    work_on(job, &arena);
    arena_clear(&arena);
    remove_job(job);
    if (!loop_is_stopping(fal->sandbox->loop))
        fal_pump(fal);
}

void fal_pump(struct fal *fal)
{
    size_t running = fal_count(fal, true);
    struct fal_job *job;

    TAILQ_FOREACH(job, &fal->jobs, link) {
        if ((int64_t)running >= fal->settings.concurrency)
            return;
        if (job->is_started)
            continue;
        if (task_start(fal->sandbox->loop, "fal request", run, job, NULL) < 0)
            return; /* the next end tries again */
        clock_timer_clear(&job->late);
        job->is_started = true;
        running++;
    }
}

const char *fal_start(struct fal_call *call, const struct fal_model *model, const char *input,
                      const char *webhook)
{
    struct fal *fal = call->fal;
    struct arena *arena = call->arena;
    cJSON *request = json_keep(arena, cJSON_CreateObject());
    cJSON *kept = json_keep(arena, cJSON_CreateObject());
    const char *name = world_random_name(arena);
    const char *id = arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", name, name + 8, name + 12,
                                  name + 16, name + 20);

    json_set_text(request, "id", id);
    json_set_text(request, "model", model->id);
    json_set_text(request, "base", call->base);
    json_set_int(request, "created_ms", clock_now_ms(fal->sandbox->clock));
    json_set_int(
        request, "steps",
        json_get_int(json_get(call->logged, "input"), "steps", model->is_trainer ? 1000 : 0));
    if (webhook)
        json_set_text(request, "webhook", webhook);
    const char *patience = http_exchange_header(call->exchange, "x-fal-request-timeout");
    int64_t patience_s = patience ? strtoll(patience, NULL, 10) : 0;
    if (patience_s > 0 && patience_s < LONGEST_PATIENCE_S)
        json_set_int(request, "start_by_ms",
                     json_get_int(request, "created_ms", 0) + patience_s * 1000);
    json_set_text(kept, "text", input);
    world_put_record(fal->sandbox->world, arena, input_kind, id, kept);
    save(fal, arena, request);
    add_job(fal, request);
    fal_pump(fal);
    return id;
}

/* Ends a request that has not started. */
static void end_early(struct fal_job *job, void (*how)(struct fal_work *work))
{
    struct arena arena = {0};
    struct fal_work work = {.fal = job->fal, .arena = &arena, .id = job->id};
    cJSON *request = fal_request(job->fal, &arena, job->id);

    if (request) {
        how(&work);
        keep(&work, request);
        fal_webhook_send(job->fal, job->id);
    }
    remove_job(job);
    arena_clear(&arena);
}

/* Nothing has started it in time. */
static void end_waiting(void *arg)
{
    end_early(arg, give_up);
}

bool fal_cancel(struct fal *fal, const char *id)
{
    struct fal_job *job = find_job(fal, id);

    if (!job)
        return false;
    job->is_cancelled = true;
    if (job->waiting)
        wait_wake(job->waiting, 0);
    if (!job->is_started)
        end_early(job, cancel_work);
    return true;
}

void fal_resume(struct fal *fal)
{
    struct arena arena = {0};
    const cJSON *request;

    cJSON_ArrayForEach(request, world_records(fal->sandbox->world, &arena, kind)) {
        if (fal_state_of(request) != FAL_COMPLETED)
            add_job(fal, request);
    }
    arena_clear(&arena);
    fal_pump(fal);
}

/* ---- what it says ---- */

static void add_line(cJSON *logs, struct arena *arena, int64_t at_ms, const char *text)
{
    const time_t seconds = (time_t)(at_ms / 1000);
    cJSON *line = cJSON_CreateObject();
    char date[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    json_set_text(line, "message", text);
    json_set_text(line, "level", "STDOUT");
    json_set_text(line, "source", "USER");
    json_set_text(line, "timestamp",
                  arena_printf(arena, "%s.%06d", date, (int)(at_ms % 1000) * 1000));
    cJSON_AddItemToArray(logs, line);
}

cJSON *fal_logs(struct fal *fal, struct arena *arena, const cJSON *request)
{
    int64_t started_ms = json_get_int(request, "started_ms", 0);
    int64_t takes_ms = json_get_int(request, "takes_ms", 0);
    int64_t end_ms = json_get_int(request, "ended_ms", clock_now_ms(fal->sandbox->clock));
    int64_t steps = json_get_int(request, "steps", 0);
    cJSON *logs = json_keep(arena, cJSON_CreateArray());

    if (!started_ms)
        return logs;
    add_line(logs, arena, started_ms, "[sandbox] started");
    for (int i = 1; steps && i <= LOG_LINES; i++) {
        int64_t at_ms = started_ms + takes_ms * i / LOG_LINES;
        if (at_ms > end_ms || (json_get(request, "error") && i == LOG_LINES))
            break;
        add_line(logs, arena, at_ms,
                 arena_printf(arena, "%3d%%| %" PRId64 "/%" PRId64 " [loss=%.3f]",
                              i * 100 / LOG_LINES, steps * i / LOG_LINES, steps, 0.5 / (i + 4)));
    }
    if (json_get(request, "error"))
        add_line(logs, arena, end_ms, json_get_text(request, "error"));
    return logs;
}
