/*
 * What the two halves of the HTTP client share: http_client.c runs transfers, http_client_request.c
 * turns requests into curl's options and answers into responses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <curl/curl.h>

#include <aisha/http.h>

#include "host/core/wait.h"

struct arena;

struct response_header {
    struct aisha_http_header header;
    STAILQ_ENTRY(response_header) link;
};

/* One request on its way. Lives on the stack of the task that waits for it. */
struct transfer {
    struct aisha_http_request request;
    struct arena *arena;
    CURL *easy;
    curl_mime *mime;
    struct wait wait; /* woken with a CURLcode */
    STAILQ_HEAD(, response_header) headers;
    size_t header_count, header_bytes;
    int status;
    bool has_head; /* the line that ends the headers has come */
    bool is_plain; /* it has set nothing on the handle that the next one would not set anew */
    int file;      /* of save_path, or -1 */
    int body_file; /* of body_path, or -1 */
    off_t body_at, body_end;
    char *body;
    size_t body_size, body_capacity;
    int failure; /* what made a callback of ours stop curl */
    char text[CURL_ERROR_SIZE];
};

/* Whether the request can be sent as it is; -AISHA_E_INVALID and why not. */
int transfer_check(const struct aisha_http_request *request, const char **ret_error);

/* Sets what all requests have in common, and nothing else. */
void transfer_dress(CURL *easy, const char *user_agent);

/* Sets the rest on t->easy; opens save_path. */
int transfer_prepare(struct transfer *t, const char **ret_error);

/* The response, in t->arena. */
int transfer_finish(struct transfer *t, const struct aisha_http_response **ret_response,
                    const char **ret_error);

/* Frees what the transfer holds; removes a file that did not become part of a result. */
void transfer_done(struct transfer *t);
