/*
 * libcurl's multi interface on the loop. One handle pool, HTTP/1.1, at most `slots` requests at once
 * for each host, the others wait in the order in which they came.
 */
#pragma once

#include <aisha/base.h>
#include <aisha/http.h>

struct arena;
struct http_client;
struct loop;

struct http_client_options {
    unsigned slots; /* for each host; 0 = 64 */
    const char *user_agent;
    const char
        *trusted_pem;    /* certificates that are trusted instead of the system's; NULL = those */
    const char *resolve; /* "name:port:address", where that name is; NULL = ask the system */
};

int http_client_new(struct http_client **ret_client, struct loop *loop,
                    const struct http_client_options *options);

/* No request may be running. NULL is fine. */
void http_client_free(struct http_client *client);

/* The same with slots of its own: requests with another purpose do not wait for it. */
AISHA_ASYNC AISHA_CHECKED int http_client_fetch_as(struct http_client *client, const char *purpose,
                                                   struct arena *arena,
                                                   const struct aisha_http_request *request,
                                                   const struct aisha_http_response **ret_response,
                                                   const char **ret_error);

/* As aisha_http(); the response is allocated in arena. ret_error, when not NULL, receives a text for
 * the log in every failing case, without the URL's path or query (they may hold tokens). */
AISHA_ASYNC AISHA_CHECKED int http_client_fetch(struct http_client *client, struct arena *arena,
                                                const struct aisha_http_request *request,
                                                const struct aisha_http_response **ret_response,
                                                const char **ret_error);
