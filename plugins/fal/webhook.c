/*
 * PUBLIC_URL/hooks/fal/done?id=…: the provider says that a request has ended. Nothing is believed
 * that it has not signed, and nothing is acknowledged that is not on disk.
 */
#include "webhook.h"

#include <string.h>

#include <aisha/aisha.h>

#include "client.h"
#include "facts.h"
#include "reply.h"
#include "request.h"
#include "signature.h"
#include "supply.h"

enum {
    KEYS_S = 24 * 3600, /* so long keys are believed */
    REFRESH_S = 60,     /* so often they are fetched */
    TRIES = 8,
};

/* ---- keys ---- */

static void read_keys(struct aisha_ctx *ctx, const char *text, struct signature_keys *ret)
{
    const struct aisha_json *json = aisha_json_parse(ctx, text, strlen(text));
    size_t count = aisha_json_count(json, "keys");

    ret->count = 0;
    for (size_t i = 0; i < count && ret->count < SIGNATURE_KEYS_MOST; i++) {
        const struct aisha_json *key = aisha_json_at(json, aisha_printf(ctx, "keys[%zu]", i));
        const char *curve = aisha_json_text(key, "crv");
        if (curve && strcmp(curve, "Ed25519") == 0)
            signature_add_key(ret, aisha_json_text(key, "x"));
    }
}

/* Stored: the text, and as its number when it was fetched. */
static AISHA_ASYNC int fetch_keys(struct aisha_ctx *ctx, struct fal_fact *ret)
{
    struct signature_keys keys;
    struct client_answer answer;

    int r = client_jwks(ctx, &answer);
    if (r < 0 || answer.said != CLIENT_OK)
        return r;
    read_keys(ctx, answer.body, &keys);
    if (keys.count == 0) {
        aisha_log(ctx, AISHA_LOG_WARN, "the provider shows no keys for its webhooks");
        return 0;
    }
    *ret = (struct fal_fact){.text = answer.body, .number = aisha_now(ctx)};
    return fact_note(ctx, FACT_KEYS, ret->text, ret->number);
}

enum verdict { VERDICT_GOOD, VERDICT_REFUSED, VERDICT_UNKNOWN };

/* Keys that do not fit are fetched once more, since they are changed from time to time; but not for
 * everybody who cannot sign. */
static AISHA_ASYNC int judge(struct aisha_ctx *ctx, const struct aisha_request *request,
                             enum signature_fault *ret_fault, enum verdict *ret)
{
    const struct signature signature = {
        .request_id = aisha_request_header(ctx, "x-fal-webhook-request-id"),
        .user_id = aisha_request_header(ctx, "x-fal-webhook-user-id"),
        .timestamp = aisha_request_header(ctx, "x-fal-webhook-timestamp"),
        .hex = aisha_request_header(ctx, "x-fal-webhook-signature"),
    };
    int64_t now = aisha_now(ctx);
    struct signature_keys keys;
    struct fal_fact known;

    *ret_fault = signature_check_headers(&signature, now);
    *ret = *ret_fault == SIGNATURE_GOOD ? VERDICT_UNKNOWN : VERDICT_REFUSED;
    if (*ret == VERDICT_REFUSED)
        return 0;
    int r = fact_read(ctx, FACT_KEYS, &known);
    for (int round = 0; r == 0 && round < 2; round++) {
        read_keys(ctx, known.number > now - KEYS_S ? known.text : "", &keys);
        *ret_fault = signature_check(&signature, &keys, request->body, request->body_size, now);
        if (*ret_fault == SIGNATURE_GOOD) {
            *ret = VERDICT_GOOD;
            return 0;
        }
        if (known.number > now - REFRESH_S) { /* they are new, and do not fit */
            *ret = VERDICT_REFUSED;
            return 0;
        }
        if (round == 0)
            r = fact_take_turn(ctx, FACT_KEYS ":asked", REFRESH_S);
        if (round == 0 && r == FACT_TURN)
            r = fetch_keys(ctx, &known);
    }
    return r;
}

/* ---- taking it ---- */

static AISHA_ASYNC int refuse(struct aisha_ctx *ctx, int status, const char *why)
{
    const char *peer = aisha_request(ctx)->peer;

    aisha_log(ctx, AISHA_LOG_WARN, "webhook refused: %s, from %s", why, peer ? peer : "-");
    int r = fact_count(ctx, aisha_printf(ctx, FACT_REFUSED "%s", why), 1);
    return r < 0 ? r : aisha_respond(ctx, .status = status, .text = "refused\n");
}

static bool is_id(const char *a, const char *b)
{
    return *a && b && strcmp(a, b) == 0;
}

/* A webhook of one request sent to the address of another. */
static AISHA_ASYNC int is_anothers(struct aisha_ctx *ctx, const struct fal_request *request,
                                   const struct reply_webhook *hook, bool *ret)
{
    const struct aisha_rows *rows;

    *ret = false;
    if (*request->request_id) {
        *ret = !is_id(request->request_id, hook->request_id) &&
               !is_id(request->request_id, hook->gateway_request_id);
        return 0;
    }
    int r = aisha_db_query(ctx, &rows,
                           "SELECT id FROM provider_requests WHERE request_id = $1 AND id <> $2",
                           hook->request_id, request->id);
    if (r == 0)
        *ret = rows->row_count > 0;
    return r;
}

bool webhook_apply(struct fal_request *request, const struct reply_webhook *hook, const char *body,
                   int64_t now)
{
    if (!fal_machine_apply(&request->machine, hook->event))
        return false;
    if (!*request->request_id)
        request->request_id = hook->request_id;
    request->next_at = request->pauses = 0;
    if (hook->event == FAL_DONE) {
        request->answer = hook->has_payload ? reply_to_keep(body) : "";
        request->deadline_at = now + REQUEST_COLLECT_S;
    } else {
        request->cause = hook->event == FAL_ERROR ? hook->error.cause : AISHA_CAUSE_NONE;
        request->reason = hook->error.reason;
        request->ended_at = now;
    }
    return true;
}

/* One try, in a transaction: what it says, and that its job goes on. REQUEST_STALE: again. */
static AISHA_ASYNC int take(struct aisha_ctx *ctx, const char *id, const struct reply_webhook *hook,
                            const char **ret_why)
{
    struct fal_request request;
    bool is_wrong = false;

    int r = request_load(ctx, id, &request);
    if (r == -AISHA_E_NOT_FOUND) {
        *ret_why = "unknown";
        return 0;
    }
    if (r == 0)
        r = is_anothers(ctx, &request, hook, &is_wrong);
    if (r < 0)
        return r;
    if (is_wrong) {
        *ret_why = "replayed";
        return 0;
    }
    if (!webhook_apply(&request, hook, aisha_request(ctx)->body, aisha_now(ctx)))
        return 0; /* it is known */
    r = aisha_db_begin(ctx);
    if (r == 0)
        r = request_save(ctx, &request);
    if (r == 0)
        r = aisha_job_wake(ctx, request.job_id);
    if (r == 0 && hook->error.is_about_a_lora)
        r = supply_forget_loras(ctx, aisha_json_parse(ctx, request.order, strlen(request.order)));
    return aisha_db_end(ctx, r);
}

int on_webhook(struct aisha_ctx *ctx)
{
    const struct aisha_request *request = aisha_request(ctx);
    const char *id = aisha_request_param(ctx, "id"), *why = NULL;
    enum signature_fault fault;
    struct reply_webhook hook;
    enum verdict verdict;

    if (strcmp(request->method, "POST") != 0 || !id)
        return AISHA_PASS;
    int r = judge(ctx, request, &fault, &verdict);
    if (r < 0)
        return r;
    if (verdict == VERDICT_REFUSED)
        return refuse(ctx, 401, signature_fault_name(fault));
    if (verdict == VERDICT_UNKNOWN) /* the provider repeats it, and the job asks */
        return refuse(ctx, 503, "unverifiable");
    const struct aisha_json *body = aisha_json_parse(ctx, request->body, request->body_size);
    if (!reply_webhook(ctx, body, &hook))
        return refuse(ctx, 400, "unreadable");
    r = REQUEST_STALE;
    for (int i = 0; r == REQUEST_STALE && i < TRIES; i++)
        r = take(ctx, id, &hook, &why);
    if (r != 0)
        return r < 0 ? r : -AISHA_E_CONFLICT;
    return why ? refuse(ctx, strcmp(why, "unknown") == 0 ? 404 : 409, why) : 0;
}
