/*
 * From an order to a request that the provider has: whose turn it is, by which model, and what to
 * make of a submit that was not answered. It is written down that it will be sent, then it is
 * sent: found so by another attempt, nobody knows whether it was.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "client.h"
#include "drive_internal.h"
#include "facts.h"
#include "models.h"
#include "supply.h"

enum {
    TURN_S = 5, /* how often it is looked whose turn it is; usually it is woken, */
    FAR_S = 55, /* and who is far behind looks more seldom */
    SUBMITS_MOST = 2,
    TRIES = 8, /* to write what came of a submit */
};

/* ---- waiting ---- */

static unsigned use_of(const struct drive *d)
{
    if (drive_is_training(d))
        return aisha_json_int(d->order, "kind") == AISHA_TRAINING_STYLE ? MODEL_STYLE
                                                                        : MODEL_PORTRAIT;
    return aisha_json_count(d->order, "loras") > 0 ? MODEL_LORA : MODEL_IMAGE;
}

static bool fits(const struct drive *d, const struct model *model)
{
    const char *family = aisha_json_text(d->order, "loras[0].family");

    return model->shape && (model->shape->uses & use_of(d)) &&
           (!family || (model->shape->family && strcmp(family, model->shape->family) == 0));
}

/* The first of the list that has not refused this request and is not known to be gone; when all are,
 * the first that has not refused it. ret->id stays NULL when there is none. */
static AISHA_ASYNC int choose_model(struct drive *d, struct model *ret, int64_t *ret_place)
{
    const char *setting = models_for(d->config, use_of(d));
    struct model model;

    *ret = (struct model){0};
    for (int64_t n = d->request.turn; model_at(d->ctx, setting, (size_t)n, &model); n++) {
        struct fal_fact gone;
        if (!fits(d, &model))
            continue;
        int r = fact_read(d->ctx, aisha_printf(d->ctx, FACT_GONE "%s", model.id), &gone);
        if (r < 0)
            return r;
        bool is_gone = gone.noted_at > drive_now(d) - FACT_GONE_S;
        if (is_gone && ret->id)
            continue;
        *ret = model;
        *ret_place = n;
        if (!is_gone)
            return 0;
    }
    return 0;
}

/* One transaction decides whose turn it is, and writes that it will be sent. */
static AISHA_ASYNC int take_turn(struct drive *d, int64_t at_once, bool *ret_is_mine)
{
    struct fal_request *request = &d->request;
    int64_t before, active;

    *ret_is_mine = false;
    int r = aisha_db_begin(d->ctx);
    if (r == 0)
        r = request_lock_model(d->ctx, request->model);
    if (r == 0)
        r = request_place(d->ctx, request, &before, &active);
    if (r < 0)
        return r;
    bool is_mine = active + before < at_once;
    if (is_mine && fal_machine_apply(&request->machine, FAL_TURN)) {
        int64_t minutes =
            drive_is_training(d) ? d->config->training_minutes : d->config->image_minutes;
        int64_t deadline_at = drive_now(d) + minutes * 60;
        request->deadline_at =
            deadline_at > request->deadline_at ? deadline_at : request->deadline_at;
        request->submits++;
        request->started_at = drive_now(d);
        request->ahead = -1;
        request->next_at = 0;
        r = request_save(d->ctx, request);
        if (r == 0)
            r = aisha_db_commit(d->ctx);
        *ret_is_mine = r == 0;
        if (r != REQUEST_STALE)
            return r;
    }
    r = aisha_db_rollback(d->ctx);
    d->wait_s = is_mine ? 0 : TURN_S + (before < FAR_S ? before : FAR_S);
    if (r < 0 || is_mine || request->ahead == before)
        return r;
    const struct fal_request shown = *request;
    request->ahead = before;
    return drive_save(d, &shown);
}

static AISHA_ASYNC int decline(struct drive *d, const struct client_answer *said, int64_t place)
{
    struct fal_request *request = &d->request;
    const struct fal_request before = *request;

    if (said->error.is_gone) {
        aisha_log(d->ctx, AISHA_LOG_ERROR, "the model %s is gone; the next one of the list is used",
                  request->model);
        int r = fact_note(d->ctx, aisha_printf(d->ctx, FACT_GONE "%s", request->model), "", 1);
        if (r < 0)
            return r;
        request->turn = place + 1;
        request->submits--;
        return drive_apply(d, FAL_DECLINED);
    }
    if (!fal_machine_apply(&request->machine, FAL_DECLINED))
        return 0;
    request->submits--;
    bool is_over = fal_state_is_end(request->machine.state); /* nobody wanted it any more */
    if (is_over)
        request->ended_at = drive_now(d);
    int r = request_save(d->ctx, request);
    if (r == 0)
        r = request_wake_next(d->ctx, before.model);
    return r != 0 || is_over ? r : drive_pause(d, said->pause_s, said->error.reason);
}

static AISHA_ASYNC int accept(struct drive *d, const struct client_answer *said)
{
    struct fal_request *request = &d->request;
    struct reply_accepted accepted;

    if (!reply_accepted(said->json, &accepted))
        return 0; /* it was taken, and we do not know as what: see drive_submitting() */
    const struct fal_request before = *request;
    if (!fal_machine_apply(&request->machine, FAL_ACCEPTED))
        return 0; /* its webhook was faster */
    request->next_at = request->pauses = 0;
    request->request_id = accepted.request_id;
    request->status_url = accepted.status_url ? accepted.status_url : "";
    request->response_url = accepted.response_url ? accepted.response_url : "";
    request->cancel_url = accepted.cancel_url ? accepted.cancel_url : "";
    request->ahead = accepted.ahead;
    struct fal_fact alarm;
    int r = drive_save(d, &before);
    if (r == 0)
        r = fact_read(d->ctx, FACT_ALERT, &alarm);
    return r != 0 || !alarm.noted_at ? r : fact_forget(d->ctx, FACT_ALERT);
}

static AISHA_ASYNC int take_answer(struct drive *d, const struct client_answer *said, int64_t place)
{
    int r = 0;

    if (said->said == CLIENT_OK)
        return accept(d, said);
    if (said->said == CLIENT_UNKNOWN)
        return 0;
    if (said->said == CLIENT_LATER || said->error.is_gone)
        return decline(d, said, place);
    if (said->error.cause == AISHA_CAUSE_OUT_OF_FUNDS)
        r = drive_alert(d, "the account at fal.ai is out of funds");
    else if (said->status == 401 || said->status == 403)
        r = drive_alert(d, "fal.ai refuses the key");
    return r < 0 ? r : drive_fail(d, said->error.cause, said->error.reason);
}

/* Meanwhile it may have been cancelled, or its webhook has come: the answer, which is not given
 * twice, is taken over whatever was written. */
static AISHA_ASYNC int submit(struct drive *d, const char *input, int64_t place)
{
    const char *webhook = d->config->webhooks ? aisha_webhook_url(d->ctx, "done") : NULL;
    struct client_answer said;

    if (webhook)
        webhook = aisha_printf(d->ctx, "%s?id=%s", webhook, d->request.id);
    int r = client_submit(d->ctx, d->request.model, input, webhook, &said);
    if (r == 0)
        r = take_answer(d, &said, place);
    for (int i = 1; r == REQUEST_STALE && i < TRIES; i++) {
        r = request_load(d->ctx, d->request.id, &d->request);
        if (r == 0)
            r = take_answer(d, &said, place);
    }
    return r;
}

/* From here on it counts among those that wait for the model. */
static AISHA_ASYNC int stand_in_line(struct drive *d, const struct model *model,
                                     const char *upload_url)
{
    struct fal_request *request = &d->request;

    if (strcmp(request->model, model->id) == 0 && strcmp(request->upload_url, upload_url) == 0)
        return 0;
    request->model = model->id;
    return request_save(d->ctx, request);
}

int drive_waiting(struct drive *d)
{
    struct fal_request *request = &d->request;
    const char *upload_url = request->upload_url;
    int64_t now = drive_now(d), place = 0;
    struct client_answer said;
    struct model model;
    const char *input;
    bool is_mine;

    if (now >= request->deadline_at)
        return drive_apply(d, FAL_DEADLINE);
    if (now < request->next_at) {
        d->wait_s = request->next_at - now;
        return 0;
    }
    int r = choose_model(d, &model, &place);
    if (r == 0 && !model.id)
        return drive_fail(d, AISHA_CAUSE_OURS, "no model is left that can do it");
    if (r == 0)
        r = supply_prepare(d->ctx, request, d->order, &said);
    if (r < 0)
        return r;
    if (said.said == CLIENT_NO)
        return drive_fail(d, said.error.cause, said.error.reason);
    if (said.said != CLIENT_OK)
        return drive_pause(d, said.pause_s, said.error.reason);
    r = stand_in_line(d, &model, upload_url);
    if (r != 0)
        return r;
    r = supply_input(d->ctx, request, d->order, &model, &input);
    if (r < 0 || !input)
        return r;
    r = take_turn(d,
                  drive_is_training(d) ? d->config->trainings_at_once : d->config->images_at_once,
                  &is_mine);
    return r < 0 || !is_mine ? r : submit(d, input, place);
}

/* ---- submitting: found so, the answer is lost ---- */

static AISHA_ASYNC int note_unsure(struct drive *d)
{
    struct fal_request *request = &d->request;
    bool has_webhook = d->config->webhooks && aisha_webhook_url(d->ctx, "done");
    int64_t wait_s =
        drive_is_training(d) ? d->config->training_unsure_minutes * 60 : d->config->image_unsure_s;
    int64_t cents = drive_is_training(d) ? d->config->training_cents : d->config->image_cents;

    request->unsure++;
    request->next_at = drive_now(d) + (has_webhook ? wait_s : 0) + 1;
    d->wait_s = request->next_at - drive_now(d);
    aisha_log(d->ctx, AISHA_LOG_WARN,
              "request=%s nobody knows whether %s has taken it; it may cost %" PRId64 " cents",
              request->id, request->model, cents);
    int r = request_save(d->ctx, request);
    if (r == 0)
        r = fact_count(d->ctx, FACT_UNSURE, 1);
    if (r == 0)
        r = fact_count(d->ctx, FACT_UNSURE_CENTS, cents);
    return r;
}

int drive_submitting(struct drive *d)
{
    const char *policy =
        drive_is_training(d) ? d->config->training_unsure : d->config->image_unsure;
    struct fal_request *request = &d->request;
    int64_t now = drive_now(d);

    if (request->next_at == 0)
        return note_unsure(d);
    if (now < request->next_at) {
        d->wait_s = request->next_at - now;
        return 0;
    }
    if (request->machine.is_unwanted)
        return drive_apply(d, FAL_STOPPED);
    if (strcmp(policy, "repeat") == 0 && request->submits < SUBMITS_MOST)
        return drive_apply(d, FAL_REPEAT);
    return drive_fail(d, AISHA_CAUSE_UNKNOWN, "nobody knows whether the provider has taken it");
}
