/*
 * HTTP requests from outside: other services call PUBLIC_URL/hooks/PLUGIN/NAME.
 *
 *     static const struct aisha_webhook webhooks[] = {
 *         {.name = "paid", .run = on_paid, .token = "paid_token"},
 *     };
 *
 * With .token, the name of a text option, callers have to send "Authorization: Bearer" and what
 * that option says: everybody else gets 401, and while it is empty everybody does. Without .token
 * anyone may call.
 *
 * The handler runs as any other, without a user and a chat. What it returns becomes the answer,
 * unless it has given one: 0 is 204, AISHA_PASS is 404, a failure is 500 (the caller should
 * repeat), a store that cannot be reached 503. Callers repeat and lie: verify what they say, and
 * write so that a second time changes nothing. A body need not even be UTF-8 (see db.h): parse an
 * id with aisha_uuid_pack(), JSON with json.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/http.h>

struct aisha_ctx;

struct aisha_request {
    size_t size;
    const char *method; /* GET, HEAD or POST */
    const char *query;  /* what follows "?", still encoded; "" when there is none */
    const struct aisha_http_header *headers;
    size_t header_count;
    const char
        *body; /* ended by a zero byte that is not counted; never NULL; "" when it is streamed */
    size_t body_size;
    const char *peer; /* address of the other side; behind a proxy, the proxy's */
};

/* The request, or NULL when the work has another origin. */
AISHA_PUBLIC const struct aisha_request *aisha_request(struct aisha_ctx *ctx);

/* The first header of that name (lower case), or NULL. */
AISHA_PUBLIC const char *aisha_request_header(struct aisha_ctx *ctx, const char *name);

/* The decoded value of a query parameter; NULL when there is none, or it is no text: %zz, %00, %ff. */
AISHA_PUBLIC const char *aisha_request_param(struct aisha_ctx *ctx, const char *name);

/*
 * For a webhook that is streamed: the next bytes of the body, at most size; 0 at its end. Waits for
 * them, and the other side waits while nobody reads. -AISHA_E_LIMIT beyond max_body_bytes,
 * -AISHA_E_CANCELED when the other side has gone: just return.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int64_t aisha_request_read(struct aisha_ctx *ctx,
                                                                  void *bytes, size_t size);

struct aisha_response {
    size_t size;
    int status; /* 0 = 200 */
    const char *text;
    const char *json; /* instead of text */
    const void *body; /* instead, with a type */
    size_t body_size;
    const char *content_type;
};

/* Answers the request, once; the handler may go on. */
#define aisha_respond(ctx, ...)                                                                    \
    aisha_respond_(                                                                                \
        (ctx), &(const struct aisha_response){.size = sizeof(struct aisha_response), __VA_ARGS__})
AISHA_PUBLIC AISHA_CHECKED int aisha_respond_(struct aisha_ctx *ctx,
                                              const struct aisha_response *response);

/* The URL of one of this plugin's webhooks; NULL when the host has no PUBLIC_URL. */
AISHA_PUBLIC const char *aisha_webhook_url(struct aisha_ctx *ctx, const char *name);
