#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aisha/aisha.h>

enum {
    CALL_MS = 30 * 1000,
    SUBMIT_MS = 60 * 1000,
    TRANSFER_MS = 30 * 60 * 1000,
    ANSWER_BYTES = 4 << 20,
    LONGEST_PAUSE_S = 10 * 60,
    WHOLE_BYTES = 90 << 20, /* what is larger goes in pieces */
    PIECE_BYTES = 10 << 20,
    PIECES_MOST = 1000,
    DAY_S = 24 * 3600,
};

/* ---- addresses ---- */

static const char *joined(struct aisha_ctx *ctx, const char *base, const char *path)
{
    size_t length = strlen(base);

    while (length > 0 && base[length - 1] == '/')
        length--;
    return aisha_printf(ctx, "%.*s/%s", (int)length, base, path);
}

/* What a model's requests are found under: its first two parts, or three after these words. */
static size_t application_length(const char *model)
{
    size_t parts =
        strncmp(model, "workflows/", 10) == 0 || strncmp(model, "comfy/", 6) == 0 ? 3 : 2;
    const char *at = model;

    for (; *at; at++)
        if (*at == '/' && --parts == 0)
            break;
    return (size_t)(at - model);
}

/* The address that was given with the request, or the one it has to have. */
static const char *address_of(struct aisha_ctx *ctx, const struct fal_request *request,
                              const char *given, const char *ending)
{
    const struct fal_config *config = aisha_config(ctx);

    if (*given && reply_url_is_of(given, config->queue_url))
        return given;
    return joined(ctx, config->queue_url,
                  aisha_printf(ctx, "%.*s/requests/%s%s", (int)application_length(request->model),
                               request->model, aisha_url_escape(ctx, request->request_id), ending));
}

/* ---- one call ---- */

struct call {
    const char *method, *url, *body, *body_path, *save_path, *content_type, *more;
    const void *bytes; /* instead of body */
    size_t bytes_size;
    bool has_key, is_once;
    int64_t timeout_ms;
    size_t max_bytes;
};

static void read_answer(struct aisha_ctx *ctx, const struct aisha_http_response *response,
                        struct client_answer *ret)
{
    const char *pause = aisha_http_header(response, "retry-after");
    const char *etag = aisha_http_header(response, "etag");

    ret->status = response->status;
    ret->etag = etag ? etag : "";
    ret->body = response->body;
    ret->body_size = response->body_size;
    ret->json =
        *response->body ? aisha_json_parse(ctx, response->body, strlen(response->body)) : NULL;
    ret->pause_s = pause ? strtol(pause, NULL, 10) : 0;
    if (ret->pause_s < 0 || ret->pause_s > LONGEST_PAUSE_S)
        ret->pause_s = LONGEST_PAUSE_S;
    if (response->status >= 200 && response->status <= 299) {
        ret->said = CLIENT_OK;
        return;
    }
    ret->error = reply_error(ctx, response->status, ret->json);
    bool is_hiccup = response->status >= 500 || response->status == 408 ||
                     response->status == 425 || response->status == 429;
    ret->said = is_hiccup ? CLIENT_LATER : CLIENT_NO;
}

static AISHA_ASYNC int perform(struct aisha_ctx *ctx, const struct call *call,
                               struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    const struct aisha_http_response *response;
    const char *headers[5] = {"Accept: application/json"};
    size_t count = 1;

    if (call->has_key)
        headers[count++] = aisha_printf(ctx, "Authorization: Key %s", config->api_key);
    if (call->content_type)
        headers[count++] = aisha_printf(ctx, "Content-Type: %s", call->content_type);
    if (call->more)
        headers[count++] = call->more;
    *ret = (struct client_answer){
        .said = CLIENT_LATER, .body = "", .etag = "", .error.reason = "no answer"};
    int r = aisha_http(ctx, &response, .method = call->method, .url = call->url, .headers = headers,
                       .body = call->bytes ? call->bytes : call->body,
                       .body_size = call->bytes  ? call->bytes_size
                                    : call->body ? strlen(call->body)
                                                 : 0,
                       .body_path = call->body_path, .save_path = call->save_path,
                       .is_once = call->is_once,
                       .timeout_ms = call->timeout_ms ? call->timeout_ms : CALL_MS,
                       .max_body_bytes = call->max_bytes ? call->max_bytes : ANSWER_BYTES);
    switch (-r) {
    case 0:
        read_answer(ctx, response, ret);
        return 0;
    case AISHA_E_UNAVAILABLE:
        return 0;
    case AISHA_E_TIMEOUT:
    case AISHA_E_UPSTREAM:
        ret->said = CLIENT_UNKNOWN;
        ret->error.reason = aisha_error_text(r);
        return 0;
    case AISHA_E_LIMIT:
    case AISHA_E_INVALID:
        ret->said = CLIENT_NO;
        ret->error = (struct reply_error){.cause = r == -AISHA_E_LIMIT ? AISHA_CAUSE_PROVIDER
                                                                       : AISHA_CAUSE_OURS,
                                          .reason = aisha_error_text(r)};
        return 0;
    default:
        return r;
    }
}

/* For what may be asked again: not to know is as good as not to have reached it. */
static AISHA_ASYNC int ask(struct aisha_ctx *ctx, const struct call *call,
                           struct client_answer *ret)
{
    int r = perform(ctx, call, ret);

    if (ret->said == CLIENT_UNKNOWN)
        ret->said = CLIENT_LATER;
    return r;
}

/* ---- the queue ---- */

static const char *lifetime(struct aisha_ctx *ctx, const char *header)
{
    const struct fal_config *config = aisha_config(ctx);

    return aisha_printf(ctx, "%s: {\"expiration_duration_seconds\":%" PRId64 "}", header,
                        (config->uploads_days + 1) * DAY_S);
}

int client_submit(struct aisha_ctx *ctx, const char *model, const char *input, const char *webhook,
                  struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    const char *query =
        webhook ? aisha_printf(ctx, "?fal_webhook=%s", aisha_url_escape(ctx, webhook)) : "";

    int r = perform(ctx,
                    &(const struct call){.method = "POST",
                                         .url = joined(ctx, config->queue_url,
                                                       aisha_printf(ctx, "%s%s", model, query)),
                                         .body = input,
                                         .content_type = "application/json",
                                         .more = lifetime(ctx, "X-Fal-Object-Lifecycle-Preference"),
                                         .has_key = true,
                                         .is_once = true,
                                         .timeout_ms = SUBMIT_MS},
                    ret);
    /* Of these it is known that nothing was taken; of other 5xx it is not. */
    if (ret->said == CLIENT_LATER && ret->status >= 500 && ret->status != 503)
        ret->said = CLIENT_UNKNOWN;
    if (ret->said == CLIENT_LATER && ret->status == 408)
        ret->said = CLIENT_UNKNOWN;
    return r;
}

int client_status(struct aisha_ctx *ctx, const struct fal_request *request,
                  struct client_answer *ret)
{
    const char *url = address_of(ctx, request, request->status_url, "/status");

    return ask(ctx,
               &(const struct call){
                   .url = aisha_printf(ctx, "%s%slogs=1", url, strchr(url, '?') ? "&" : "?"),
                   .has_key = true},
               ret);
}

int client_result(struct aisha_ctx *ctx, const struct fal_request *request,
                  struct client_answer *ret)
{
    const char *url = address_of(ctx, request, request->response_url, "");

    int r = ask(ctx, &(const struct call){.url = url, .has_key = true}, ret);
    /* A run that failed answers with its own status, which is not the queue's. */
    if (ret->said == CLIENT_LATER && ret->error.is_of_run && ret->status != 429)
        ret->said = CLIENT_NO;
    if (ret->said == CLIENT_NO && ret->status == 400 && !ret->error.is_of_run)
        ret->said = CLIENT_LATER; /* it is still in progress */
    return r;
}

int client_cancel(struct aisha_ctx *ctx, const struct fal_request *request,
                  struct client_answer *ret)
{
    return ask(ctx,
               &(const struct call){.method = "PUT",
                                    .url = address_of(ctx, request, request->cancel_url, "/cancel"),
                                    .has_key = true},
               ret);
}

int client_jwks(struct aisha_ctx *ctx, struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);

    return ask(ctx,
               &(const struct call){.url = joined(ctx, config->rest_url, ".well-known/jwks.json"),
                                    .max_bytes = 64 << 10},
               ret);
}

int client_check_key(struct aisha_ctx *ctx, struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);

    return ask(ctx,
               &(const struct call){.url = joined(ctx, config->api_url,
                                                  "models/pricing?endpoint_id=fal-ai/flux-lora"),
                                    .has_key = true,
                                    .timeout_ms = 10 * 1000},
               ret);
}

/* ---- storage ---- */

/* The key goes to the configured hosts only, the file also to those that they name. */
static bool is_allowed(struct aisha_ctx *ctx, const char *url)
{
    const struct fal_config *config = aisha_config(ctx);

    return reply_url_is_of(url, config->queue_url) || reply_url_is_of(url, config->rest_url) ||
           reply_url_is_listed(url, config->media_hosts);
}

static void refuse_host(struct client_answer *ret)
{
    *ret = (struct client_answer){
        .said = CLIENT_NO,
        .body = "",
        .etag = "",
        .error = {.cause = AISHA_CAUSE_PROVIDER,
                  .reason = "an address on a host that is not one of media_hosts"}};
}

struct slice {
    int fd;
    int64_t at;
    char *bytes;
    size_t size;
};

static int read_slice(void *arg)
{
    struct slice *slice = arg;

    for (size_t done = 0; done < slice->size;) {
        ssize_t n =
            pread(slice->fd, slice->bytes + done, slice->size - done, slice->at + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

static void close_file(void *data)
{
    struct slice *slice = data;

    close(slice->fd);
    free(slice->bytes);
}

/* "PATH/rest?query" of "PATH?query". */
static const char *below(struct aisha_ctx *ctx, const char *url, const char *rest)
{
    size_t length = strcspn(url, "?");

    return aisha_printf(ctx, "%.*s/%s%s", (int)length, url, rest, url + length);
}

static AISHA_ASYNC int put_pieces(struct aisha_ctx *ctx, const char *url, struct slice *slice,
                                  int64_t size, struct client_answer *ret)
{
    const char *list = "";
    int number = 1;

    for (slice->at = 0; slice->at < size; slice->at += (int64_t)slice->size, number++) {
        slice->size = size - slice->at < PIECE_BYTES ? (size_t)(size - slice->at) : PIECE_BYTES;
        int r = aisha_run_on_worker(ctx, read_slice, slice);
        if (r < 0)
            return r;
        r = ask(ctx,
                &(const struct call){.method = "PUT",
                                     .url = below(ctx, url, aisha_printf(ctx, "%d", number)),
                                     .bytes = slice->bytes,
                                     .bytes_size = slice->size,
                                     .timeout_ms = TRANSFER_MS},
                ret);
        if (r < 0 || ret->said != CLIENT_OK)
            return r;
        list = aisha_printf(ctx, "%s%s{\"partNumber\":%d,\"etag\":%s}", list, number > 1 ? "," : "",
                            number, aisha_json_quote(ctx, ret->etag));
    }
    return ask(ctx,
               &(const struct call){.method = "POST",
                                    .url = below(ctx, url, "complete"),
                                    .body = aisha_printf(ctx, "{\"parts\":[%s]}", list),
                                    .content_type = "application/json"},
               ret);
}

static AISHA_ASYNC int put_large(struct aisha_ctx *ctx, const char *url, const char *path,
                                 int64_t size, struct client_answer *ret)
{
    struct slice *slice = aisha_alloc(ctx, sizeof *slice);

    slice->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (slice->fd < 0)
        return -errno;
    slice->bytes = malloc(PIECE_BYTES);
    aisha_defer(ctx, close_file, slice);
    if (!slice->bytes)
        return -ENOMEM;
    return put_pieces(ctx, url, slice, size, ret);
}

int client_upload(struct aisha_ctx *ctx, const char *path, const char *file_name,
                  const char *content_type, const char **ret_url, struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    struct stat info;

    if (stat(path, &info) < 0)
        return -errno;
    bool is_large = info.st_size > WHOLE_BYTES;
    const char *call = aisha_printf(ctx, "storage/upload/initiate%s?storage_type=fal-cdn-v3",
                                    is_large ? "-multipart" : "");
    int r =
        ask(ctx,
            &(const struct call){.method = "POST",
                                 .url = joined(ctx, config->rest_url, call),
                                 .body = aisha_printf(ctx, "{\"content_type\":%s,\"file_name\":%s}",
                                                      aisha_json_quote(ctx, content_type),
                                                      aisha_json_quote(ctx, file_name)),
                                 .content_type = "application/json",
                                 .more = lifetime(ctx, "X-Fal-Object-Lifecycle"),
                                 .has_key = true},
            ret);
    if (r < 0 || ret->said != CLIENT_OK)
        return r;
    const char *to = aisha_json_text(ret->json, "upload_url");
    const char *url = aisha_json_text(ret->json, "file_url");
    if (!to || !url || strlen(url) > REPLY_URL_MOST || !is_allowed(ctx, to)) {
        refuse_host(ret);
        return 0;
    }
    if (is_large)
        r = put_large(ctx, to, path, info.st_size, ret);
    else
        r = ask(ctx,
                &(const struct call){.method = "PUT",
                                     .url = to,
                                     .body_path = path,
                                     .content_type = content_type,
                                     .timeout_ms = TRANSFER_MS},
                ret);
    if (r == 0 && ret->said == CLIENT_OK)
        *ret_url = url;
    return r;
}

int client_download(struct aisha_ctx *ctx, const char *url, const char *path, int64_t max_bytes,
                    struct client_answer *ret)
{
    if (!is_allowed(ctx, url)) {
        refuse_host(ret);
        return 0;
    }
    return ask(ctx,
               &(const struct call){.url = url,
                                    .save_path = path,
                                    .timeout_ms = TRANSFER_MS,
                                    .max_bytes = (size_t)max_bytes},
               ret);
}
