/*
 * HTTP requests to other services. Connections are kept and shared; at most HTTP_SLOTS run at once
 * for each host, further ones wait their turn in order.
 *
 *     const struct aisha_http_response *answer;
 *     int r = aisha_http(ctx, &answer, .url = "https://example.org/v1/things", .timeout_ms = 10000);
 *     if (r < 0)
 *         return r;
 *     if (answer->status != 200) …
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

/* One part of a multipart/form-data body. Either text, or bytes, or a file that is read while it
 * is sent. All borrowed until the call returns. */
struct aisha_http_part {
    const char *name;
    const char *text;
    const void *bytes;
    size_t bytes_size;
    const char *path;
    const char *file_name;    /* sent as filename="…"; NULL for an ordinary field */
    const char *content_type; /* NULL = left out for text, application/octet-stream for the rest */
};

struct aisha_http_request {
    size_t size;
    const char *method;         /* NULL = GET, or POST when there is a body */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value", ended by NULL */
    const void *body;
    size_t body_size;
    const struct aisha_http_part *parts; /* instead of body */
    size_t part_count;
    int64_t timeout_ms; /* for everything, waiting for a slot included; 0 = 30 s */
    /* A longer answer is -AISHA_E_LIMIT; 0 = 16 MiB in memory, no limit to a file. */
    size_t max_body_bytes;
    const char *save_path; /* writes the body of a 2xx answer to this new file instead of memory */
    const char *body_path; /* instead of body: a file that is read while it is sent */
    /* Never sent a second time, not even when a kept connection turns out to be dead: then it is
     * -AISHA_E_UPSTREAM. -AISHA_E_UNAVAILABLE says that nothing was sent. */
    bool is_once;
    int64_t body_offset; /* of body_path: from there on body_size bytes, 0 = to its end */
};

struct aisha_http_header {
    const char *name; /* lower case */
    const char *value;
};

struct aisha_http_response {
    size_t size;
    int status;
    const char *body; /* ended by a zero byte that is not counted; never NULL */
    size_t body_size; /* also of what went to save_path */
    const struct aisha_http_header *headers;
    size_t header_count;
};

/*
 * Sends the request, once the update that it is for is on disk, and waits for the whole answer,
 * whatever its status. Redirects are not followed. The response lives as long as ctx. Fails with
 * -AISHA_E_TIMEOUT, -AISHA_E_CANCELED, -AISHA_E_LIMIT (answer too large; a partial save_path is
 * removed), -AISHA_E_UNAVAILABLE (no connection), -AISHA_E_UPSTREAM (broken answer),
 * -AISHA_E_INVALID (not a URL or header of ours).
 */
#define aisha_http(ctx, ret_response, ...)                                                         \
    aisha_http_((ctx), (ret_response),                                                             \
                &(const struct aisha_http_request){.size = sizeof(struct aisha_http_request),      \
                                                   __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_http_(struct aisha_ctx *ctx, const struct aisha_http_response **ret_response,
            const struct aisha_http_request *request);

/* The first header of that name (any case), or NULL. */
AISHA_PUBLIC const char *aisha_http_header(const struct aisha_http_response *response,
                                           const char *name);
