/*
 * The job of a request: does what its state asks for, once more whenever it is woken by a webhook or
 * by its clock, until the end has been told. Every step begins with the row as it is on disk; what
 * a step sends is written down before it is sent.
 */
#include "drive.h"

#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "client.h"
#include "drive_internal.h"
#include "facts.h"
#include "orders.h"
#include "request.h"
#include "supply.h"

enum {
    STEPS_MOST = 30,
    FIRST_PAUSE_S = 1,
    LONGEST_PAUSE_S = 5 * 60,
    KEY_PAUSE_S = 60, /* after the provider has refused the key */
    LOST_TRIES = 6,   /* what is not there any more, or not whole */
    ERROR_TRIES = 3,  /* to learn why it has failed */
};

/* ---- writing ---- */

int64_t drive_now(const struct drive *d)
{
    return aisha_now(d->ctx);
}

bool drive_is_training(const struct drive *d)
{
    return d->request.kind == FAL_TRAINING;
}

/* What others see of it has changed. */
static bool is_news(const struct fal_request *a, const struct fal_request *b)
{
    return request_phase(a) != request_phase(b) || a->ahead != b->ahead ||
           a->percent != b->percent || strcmp(a->log, b->log) != 0;
}

int drive_save(struct drive *d, const struct fal_request *before)
{
    struct fal_request *request = &d->request;
    bool was_active = fal_state_is_active(before->machine.state);

    int r = request_save(d->ctx, request);
    if (r != 0)
        return r;
    if (was_active && !fal_state_is_active(request->machine.state))
        r = request_wake_next(d->ctx, request->model);
    if (r == 0 && !fal_state_is_end(request->machine.state) && is_news(before, request)) {
        int told = order_tell_progress(d->ctx, request);
        if (told == -AISHA_E_CANCELED)
            return told;
    }
    return r;
}

int drive_apply(struct drive *d, enum fal_event event)
{
    const struct fal_request before = d->request;

    if (!fal_machine_apply(&d->request.machine, event))
        return 0;
    d->request.next_at = d->request.pauses = 0;
    if (event == FAL_DONE)
        d->request.deadline_at = drive_now(d) + REQUEST_COLLECT_S;
    if (fal_state_is_end(d->request.machine.state))
        d->request.ended_at = drive_now(d);
    return drive_save(d, &before);
}

int drive_fail(struct drive *d, enum aisha_cause cause, const char *reason)
{
    d->request.cause = cause;
    d->request.reason = reason;
    aisha_log(d->ctx, aisha_cause_is_theirs(cause) ? AISHA_LOG_INFO : AISHA_LOG_WARN,
              "request=%s model=%s failed: %s", d->request.id,
              *d->request.model ? d->request.model : "-", reason);
    return drive_apply(d, FAL_ERROR);
}

int drive_alert(struct drive *d, const char *text)
{
    aisha_alert(d->ctx, text);
    return fact_note(d->ctx, FACT_ALERT, text, 1);
}

int drive_pause(struct drive *d, int64_t asked_s, const char *why)
{
    struct fal_request before = d->request;
    int64_t pause_s = FIRST_PAUSE_S;

    for (int64_t i = 0; i < d->request.pauses && pause_s < LONGEST_PAUSE_S; i++)
        pause_s *= 2;
    pause_s = pause_s < LONGEST_PAUSE_S ? pause_s : LONGEST_PAUSE_S;
    pause_s = asked_s > pause_s ? asked_s : pause_s;
    aisha_log(d->ctx, AISHA_LOG_WARN, "request=%s %s: %s, again in %" PRId64 " s", d->request.id,
              fal_state_name(d->request.machine.state), why ? why : "it did not work", pause_s);
    d->request.pauses++;
    d->request.next_at = drive_now(d) + pause_s;
    d->wait_s = pause_s;
    return drive_save(d, &before);
}

/* ---- submitted, queued, running ---- */

static AISHA_ASYNC int tell_to_stop(struct drive *d, bool *ret_has_stopped)
{
    struct fal_request *request = &d->request;
    struct client_answer said;

    *ret_has_stopped = false;
    int r = client_cancel(d->ctx, request, &said);
    if (r < 0 || said.said == CLIENT_LATER)
        return r; /* the next time */
    request->is_told_to_stop = true;
    *ret_has_stopped = said.said == CLIENT_OK || said.status == 404;
    return 0;
}

/* The queue itself may have stumbled: what a failed run says looks the same. */
static bool may_be_better(const struct drive *d, const struct client_answer *said)
{
    return (said->error.is_gone || said->status >= 500) && d->request.pauses < LOST_TRIES;
}

static bool is_key_refused(const struct client_answer *said)
{
    return said->said == CLIENT_NO && (said->status == 401 || said->status == 403) &&
           said->error.cause == AISHA_CAUSE_OURS && !said->error.is_of_run;
}

/* It has said nothing of the request: it is asked again. */
static AISHA_ASYNC int ask_later(struct drive *d, const struct client_answer *said)
{
    bool is_refused = is_key_refused(said);
    int r = is_refused ? drive_alert(d, "fal.ai refuses the key") : 0;

    return r < 0 ? r
                 : drive_pause(d, is_refused ? KEY_PAUSE_S : said->pause_s,
                               said->error.reason ? said->error.reason : "an odd answer");
}

/* It says that it is done: well, or with an error that the result tells. */
static AISHA_ASYNC int fetch_result(struct drive *d, const char *error_type)
{
    struct client_answer said;

    int r = client_result(d->ctx, &d->request, &said);
    if (r < 0)
        return r;
    if (said.said == CLIENT_OK && said.json && !error_type) {
        d->request.answer = reply_to_keep(said.body);
        return drive_apply(d, FAL_DONE);
    }
    bool is_hopeless = drive_now(d) >= d->request.deadline_at + REQUEST_COLLECT_S;
    if (is_key_refused(&said) && !is_hopeless)
        return ask_later(d, &said);
    bool is_waited_for = !error_type || d->request.pauses < ERROR_TRIES;
    if (said.said == CLIENT_LATER && is_waited_for && !is_hopeless)
        return drive_pause(d, said.pause_s, said.error.reason);
    if (said.said == CLIENT_NO && !error_type && may_be_better(d, &said))
        return drive_pause(d, 0, said.error.reason);
    if (said.said == CLIENT_NO && said.error.is_about_a_lora)
        r = supply_forget_loras(d->ctx, d->order);
    if (r < 0)
        return r;
    if (said.error.is_stopped)
        return drive_apply(d, FAL_STOPPED);
    return said.said == CLIENT_NO
               ? drive_fail(d, said.error.cause, said.error.reason)
               : drive_fail(d, AISHA_CAUSE_PROVIDER, error_type ? error_type : "-");
}

static AISHA_ASYNC int take_status(struct drive *d, const struct reply_status *status)
{
    const struct fal_request before = d->request;
    struct fal_request *request = &d->request;

    bool has_changed = fal_machine_apply(&request->machine, status->event);
    request->ahead = request->machine.state == FAL_QUEUED ? status->ahead : -1;
    if (status->percent > request->percent)
        request->percent = status->percent;
    if (*status->log)
        request->log = status->log;
    d->wait_s = drive_is_training(d) ? d->config->training_poll_s : d->config->image_poll_s;
    if (!has_changed && !is_news(&before, request) && request->pauses == 0)
        return 0;
    request->next_at = request->pauses = 0;
    return drive_save(d, &before);
}

static AISHA_ASYNC int on_active(struct drive *d)
{
    struct fal_request *request = &d->request;
    int64_t late_s = drive_now(d) - request->deadline_at;
    bool has_stopped = false;
    struct client_answer said;
    struct reply_status status;
    int r = 0;

    if (request->machine.is_unwanted && !request->is_told_to_stop)
        r = tell_to_stop(d, &has_stopped);
    if (r < 0 || has_stopped)
        return r < 0 ? r : drive_apply(d, FAL_STOPPED);
    r = client_status(d->ctx, request, &said);
    if (r < 0)
        return r;
    bool is_known = said.said == CLIENT_OK && reply_status(d->ctx, said.json, &status);
    if (is_known && status.event == FAL_DONE)
        return fetch_result(d, status.error_type);
    /* Nobody knows that it is not done until that is answered: it is paid for. */
    bool is_answered = is_known || (said.said == CLIENT_NO && !is_key_refused(&said));
    if (late_s >= (is_answered ? 0 : REQUEST_COLLECT_S))
        return drive_apply(d, FAL_DEADLINE);
    if (is_known)
        return take_status(d, &status);
    if (said.said == CLIENT_NO && said.error.is_gone && request->pauses >= LOST_TRIES)
        return drive_fail(d, AISHA_CAUSE_PROVIDER, "the provider does not know it");
    return ask_later(d, &said);
}

/* ---- collecting ---- */

static AISHA_ASYNC int refetch(struct drive *d)
{
    struct client_answer said;

    int r = client_result(d->ctx, &d->request, &said);
    if (r < 0)
        return r;
    if (said.said == CLIENT_OK && said.json) {
        d->request.answer = said.body; /* for this step; too long to be kept */
        return 0;
    }
    if (said.said == CLIENT_NO && !may_be_better(d, &said) && !is_key_refused(&said))
        return drive_fail(d, said.error.cause, said.error.reason);
    if (drive_now(d) >= d->request.deadline_at)
        return drive_fail(d, AISHA_CAUSE_PROVIDER, "its results could not be fetched");
    return ask_later(d, &said);
}

static AISHA_ASYNC int on_collecting(struct drive *d)
{
    struct fal_request *request = &d->request;
    int64_t now = drive_now(d);
    struct client_answer said;

    if (now < request->next_at) {
        d->wait_s = request->next_at - now;
        return 0;
    }
    int r = request_wake_next(d->ctx, request->model); /* a webhook has made room */
    if (r == 0 && !*request->answer)
        r = refetch(d);
    if (r < 0 || !*request->answer)
        return r;
    const char *answer = request->answer;
    r = supply_collect(d->ctx, request, d->order, &said);
    if (r < 0)
        return r;
    request->answer = reply_to_keep(answer);
    bool is_worth_it = said.said == CLIENT_LATER
                           ? now < request->deadline_at
                           : said.error.is_gone && request->pauses < LOST_TRIES;
    if (said.said != CLIENT_OK && is_worth_it)
        return drive_pause(d, said.pause_s, said.error.reason);
    if (said.said == CLIENT_OK) {
        request->answer = "";
        request->percent = 100;
        return drive_apply(d, FAL_COLLECTED);
    }
    return drive_fail(d, said.said == CLIENT_NO ? said.error.cause : AISHA_CAUSE_PROVIDER,
                      said.error.reason ? said.error.reason : "its results could not be fetched");
}

/* ---- the end ---- */

/* It is given up here first: what the provider then says of it comes too late. */
static AISHA_ASYNC int give_up(struct drive *d)
{
    bool has_stopped;

    aisha_log(d->ctx, AISHA_LOG_WARN, "request=%s was given up at its deadline", d->request.id);
    int r = tell_to_stop(d, &has_stopped);
    if (r < 0)
        return r;
    d->request.is_told_to_stop = true; /* or it cannot be told: it is not worth waiting for */
    return request_save(d->ctx, &d->request);
}

static AISHA_ASYNC int tell_end(struct drive *d)
{
    int r = aisha_db_begin(d->ctx);

    if (r < 0)
        return r;
    d->request.is_delivered = true;
    r = request_save(d->ctx, &d->request);
    if (r == 0)
        r = order_tell_end(d->ctx, &d->request);
    if (r == 0)
        aisha_job_done(d->ctx, NULL);
    return aisha_db_end(d->ctx, r);
}

static AISHA_ASYNC int step(struct drive *d)
{
    switch (d->request.machine.state) {
    case FAL_WAITING:
        return drive_waiting(d);
    case FAL_SUBMITTING:
        return drive_submitting(d);
    case FAL_SUBMITTED:
    case FAL_QUEUED:
    case FAL_RUNNING:
        return on_active(d);
    case FAL_COLLECTING:
        return on_collecting(d);
    case FAL_EXPIRED:
        if (*d->request.request_id && !d->request.is_told_to_stop)
            return give_up(d);
        return tell_end(d);
    default:
        return tell_end(d);
    }
}

static AISHA_ASYNC int load(struct drive *d)
{
    struct drive_order job;

    int r = aisha_job_data(d->ctx, &job);
    if (r == 0)
        r = request_load(d->ctx, job.id, &d->request);
    if (r == 0)
        d->order = aisha_json_parse(d->ctx, d->request.order, strlen(d->request.order));
    return r;
}

int run_drive(struct aisha_ctx *ctx)
{
    struct drive d = {.ctx = ctx, .config = aisha_config(ctx)};

    for (int i = 0; i < STEPS_MOST; i++) {
        int r = load(&d);
        if (r == -AISHA_E_NOT_FOUND || (r == 0 && d.request.is_delivered))
            return 0;
        d.wait_s = 0;
        if (r == 0)
            r = step(&d);
        if (r < 0)
            return r;
        if (r == REQUEST_STALE) /* somebody else has written: it is read again, and at once */
            d.wait_s = 0;
        else if (d.wait_s > 0)
            break;
    }
    aisha_job_again(ctx, d.wait_s);
    return 0;
}

static AISHA_ASYNC int end_it(struct drive *d)
{
    int r = load(d);

    if (r == -AISHA_E_NOT_FOUND || (r == 0 && d->request.is_delivered))
        return 0;
    if (r == 0 && !fal_state_is_end(d->request.machine.state)) {
        d->request.cause = AISHA_CAUSE_OURS;
        d->request.reason = aisha_printf(d->ctx, "%.200s", aisha_job_error(d->ctx));
        r = drive_apply(d, FAL_ERROR);
    }
    return r == 0 ? tell_end(d) : r;
}

/* All attempts have failed, for a reason that nobody thought of: it ends, and is told. */
int drive_failed(struct aisha_ctx *ctx)
{
    struct drive d = {.ctx = ctx, .config = aisha_config(ctx)};
    int r = REQUEST_STALE;

    for (int i = 0; r == REQUEST_STALE && i < STEPS_MOST; i++)
        r = end_it(&d);
    return r == REQUEST_STALE ? -AISHA_E_CONFLICT : r;
}
