/*
 * Signature version 4 as S3 wants it, for requests and for links that others use. Pure: no network,
 * no clock. What is signed is what has to be sent: the target is given in its only encoding, and the
 * host as the Host header will have it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;

struct s3_key {
    const char *access_key, *secret_key, *region;
};

/* A name and its value, neither of them encoded. */
struct s3_field {
    const char *name, *value;
};

struct s3_request {
    const char *method;
    const char *host;               /* with its port, unless that is the scheme's own */
    const char *path;               /* "/bucket/key", not encoded */
    const struct s3_field *queries; /* in any order; value "" for one without */
    size_t query_count;
    const struct s3_field *headers; /* to be signed: lower case, in any order, without host */
    size_t header_count;
    const char *payload_hash; /* hexadecimal SHA-256 of the body, or S3_UNSIGNED */
    int64_t time_s;           /* UTC */
};

#define S3_UNSIGNED "UNSIGNED-PAYLOAD"
#define S3_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_signature {
    const char *target;         /* path and query, encoded: exactly this has to be sent */
    const char *authorization;  /* values of the headers that go with it, beside those signed: */
    const char *date;           /* of x-amz-date; x-amz-content-sha256 is the payload hash */
    const char *canonical_hash; /* hexadecimal SHA-256 of the canonical request, for tests */
};

/* Texts are in arena. */
struct s3_signature s3_sign(struct arena *arena, const struct s3_key *key,
                            const struct s3_request *request);

/* The target of a link that is good for that many seconds, at most 604800. Headers that are signed
 * have to be sent by whoever uses it; the payload hash counts as S3_UNSIGNED. */
const char *s3_presign(struct arena *arena, const struct s3_key *key,
                       const struct s3_request *request, int64_t expires_s);

/* Every byte but A-Z a-z 0-9 - . _ ~ as %XX; a slash stays when keeps_slash. */
const char *s3_encode(struct arena *arena, const char *text, int keeps_slash);
