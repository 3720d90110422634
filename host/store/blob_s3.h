/*
 * What the files of the S3 store share: one call of S3 with its signature, its repetitions and the
 * meaning of its answer (blob_s3_call.c), uploads (blob_s3_write.c), and the rest (blob_s3.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/http.h>

#include "host/core/arena.h"
#include "host/io/s3_sign.h"
#include "host/store/blob_backend.h"

/* Where an S3 is: "https" and "s3.example.org:9000". */
struct s3_place {
    const char *scheme, *host;
};

struct s3 {
    struct blob_store store; /* first */
    struct arena arena;      /* of the texts here */
    struct loop *loop;
    struct http_client *http;
    struct s3_key key;
    struct s3_place place, public_place;
    const char *bucket;
    const char *temp_directory;
    uint64_t temp_count;
    char trouble[200], advice[300]; /* of the last failure */
    int64_t complained_at_ms;
};

enum {
    S3_PART_BYTES = 16 * 1024 * 1024, /* what is larger goes in parts of it */
    S3_MAX_PARTS = 10000,
    S3_ANSWER_BYTES = 4 * 1024 * 1024,
};

struct s3_call {
    const char *method;
    const char *key; /* NULL = of the bucket */
    const struct s3_field *queries;
    size_t query_count;
    const struct s3_field *headers; /* lower case */
    size_t header_count;
    const void *body; /* or a piece of a file: */
    const char *path;
    int64_t offset;
    size_t size;       /* of either */
    size_t max_answer; /* 0 = S3_ANSWER_BYTES */
};

/*
 * Makes the call, several times if need be; 0 for an answer of 2xx. -AISHA_E_NOT_FOUND,
 * -AISHA_E_CONFLICT (a condition was not met), -AISHA_E_UNAVAILABLE (it may work later),
 * -AISHA_E_DENIED (somebody has to change the configuration; logged with advice).
 */
AISHA_ASYNC AISHA_CHECKED int s3_call(struct s3 *s3, struct arena *arena,
                                      const struct s3_call *call,
                                      const struct aisha_http_response **ret_response);

/* The text of that element of an XML answer, or NULL. */
const char *s3_find(struct arena *arena, const struct aisha_http_response *response,
                    const char *path);

/* ---- of the back end, as in blob_backend.h ---- */

AISHA_ASYNC int s3_put(struct blob_store *store, const struct blob_content *content);
AISHA_ASYNC int s3_head(struct blob_store *store, struct arena *arena, const char *key,
                        struct blob_info *ret_info);
AISHA_ASYNC int s3_create(struct blob_store *store, const char *key, const char *type,
                          struct blob_writer **ret_writer);
AISHA_ASYNC int s3_write(struct blob_writer *writer, const void *bytes, size_t size);
AISHA_ASYNC int s3_finish(struct blob_writer *writer);
void s3_discard(struct blob_writer *writer);

/* Deletes the parts of uploads that were left unfinished a day ago or longer. */
AISHA_ASYNC int s3_tidy(struct blob_store *store);
