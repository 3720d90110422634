#include "host/io/s3_sign.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "host/core/arena.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DATE_HEADER "x-amz-date"
#define HASH_HEADER "x-amz-content-sha256"

enum { HASH_SIZE = SHA256_DIGEST_LENGTH };

/* ---- pieces ---- */

const char *s3_encode(struct arena *arena, const char *text, int keeps_slash)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(arena, 3 * strlen(text) + 1), *end = encoded;

    for (; *text; text++) {
        if (strchr(plain, *text) || (*text == '/' && keeps_slash)) {
            *end++ = *text;
            continue;
        }
        *end++ = '%';
        *end++ = digits[(unsigned char)*text >> 4];
        *end++ = digits[(unsigned char)*text & 15];
    }
    return encoded;
}

static const char *hex(struct arena *arena, const uint8_t digest[HASH_SIZE])
{
    char *text = arena_alloc(arena, 2 * HASH_SIZE + 1);

    for (size_t i = 0; i < HASH_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static const char *hash(struct arena *arena, const char *text)
{
    uint8_t digest[HASH_SIZE];

    SHA256((const uint8_t *)text, strlen(text), digest);
    return hex(arena, digest);
}

static void hmac(const void *key, size_t key_size, const char *text, uint8_t ret[HASH_SIZE])
{
    if (!HMAC(EVP_sha256(), key, (int)key_size, (const uint8_t *)text, strlen(text), ret, NULL))
        abort(); /* no memory */
}

static const char *timestamp(struct arena *arena, int64_t time_s)
{
    time_t when = (time_t)time_s;
    struct tm utc;
    char text[32];

    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", gmtime_r(&when, &utc));
    return arena_strdup(arena, text);
}

static const char *scope_of(struct arena *arena, const struct s3_key *key, const char *date)
{
    return arena_printf(arena, "%.8s/%s/s3/aws4_request", date, key->region);
}

static int compare_fields(const void *a, const void *b)
{
    const struct s3_field *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->value, right->value);
}

static const char *sorted_query(struct arena *arena, const struct s3_field *queries, size_t count)
{
    struct s3_field *encoded = arena_alloc(arena, (count + 1) * sizeof *encoded);
    const char *text = "";

    for (size_t i = 0; i < count; i++)
        encoded[i] = (struct s3_field){.name = s3_encode(arena, queries[i].name, 0),
                                       .value = s3_encode(arena, queries[i].value, 0)};
    qsort(encoded, count, sizeof *encoded, compare_fields);
    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s%s=%s", text, i > 0 ? "&" : "", encoded[i].name,
                            encoded[i].value);
    return text;
}

/* Without spaces around it, and with one where there are several. */
static const char *trimmed(struct arena *arena, const char *value)
{
    char *text = arena_alloc(arena, strlen(value) + 1), *end = text;

    for (; *value; value++)
        if (*value != ' ' || (end > text && end[-1] != ' '))
            *end++ = *value;
    if (end > text && end[-1] == ' ')
        end[-1] = '\0';
    return text;
}

/* ---- the signature ---- */

/* What is signed, as texts of the canonical request. */
struct canonical {
    const char *path, *query;
    const char *headers; /* lines */
    const char *names;   /* of the headers, with semicolons between them */
};

static void add_headers(struct arena *arena, struct canonical *canonical, struct s3_field *headers,
                        size_t count)
{
    qsort(headers, count, sizeof *headers, compare_fields);
    canonical->headers = canonical->names = "";
    for (size_t i = 0; i < count; i++) {
        canonical->headers = arena_printf(arena, "%s%s:%s\n", canonical->headers, headers[i].name,
                                          trimmed(arena, headers[i].value));
        canonical->names =
            arena_printf(arena, "%s%s%s", canonical->names, i > 0 ? ";" : "", headers[i].name);
    }
}

static const char *signature(struct arena *arena, const struct s3_key *key, const char *date,
                             const char *canonical_hash)
{
    const char *secret = arena_printf(arena, "AWS4%s", key->secret_key);
    const char *day = arena_strndup(arena, date, 8);
    const char *text = arena_printf(arena, ALGORITHM "\n%s\n%s\n%s", date,
                                    scope_of(arena, key, date), canonical_hash);
    uint8_t k[HASH_SIZE];

    hmac(secret, strlen(secret), day, k);
    hmac(k, sizeof k, key->region, k);
    hmac(k, sizeof k, "s3", k);
    hmac(k, sizeof k, "aws4_request", k);
    hmac(k, sizeof k, text, k);
    return hex(arena, k);
}

static const char *canonical_hash(struct arena *arena, const struct s3_request *request,
                                  const struct canonical *canonical, const char *payload_hash)
{
    return hash(arena,
                arena_printf(arena, "%s\n%s\n%s\n%s\n%s\n%s", request->method, canonical->path,
                             canonical->query, canonical->headers, canonical->names, payload_hash));
}

static const char *target_of(struct arena *arena, const struct canonical *canonical)
{
    return arena_printf(arena, "%s%s%s", canonical->path, *canonical->query ? "?" : "",
                        canonical->query);
}

/* The request's headers and room for three more. */
static struct s3_field *copy_headers(struct arena *arena, const struct s3_request *request)
{
    struct s3_field *headers = arena_alloc(arena, (request->header_count + 3) * sizeof *headers);

    if (request->header_count > 0)
        memcpy(headers, request->headers, request->header_count * sizeof *headers);
    headers[request->header_count] = (struct s3_field){"host", request->host};
    return headers;
}

struct s3_signature s3_sign(struct arena *arena, const struct s3_key *key,
                            const struct s3_request *request)
{
    const char *date = timestamp(arena, request->time_s);
    struct s3_field *headers = copy_headers(arena, request);
    struct canonical canonical = {
        .path = s3_encode(arena, *request->path ? request->path : "/", 1),
        .query = sorted_query(arena, request->queries, request->query_count),
    };

    headers[request->header_count + 1] = (struct s3_field){DATE_HEADER, date};
    headers[request->header_count + 2] = (struct s3_field){HASH_HEADER, request->payload_hash};
    add_headers(arena, &canonical, headers, request->header_count + 3);
    const char *digest = canonical_hash(arena, request, &canonical, request->payload_hash);
    return (struct s3_signature){
        .target = target_of(arena, &canonical),
        .authorization = arena_printf(
            arena, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", key->access_key,
            scope_of(arena, key, date), canonical.names, signature(arena, key, date, digest)),
        .date = date,
        .canonical_hash = digest,
    };
}

const char *s3_presign(struct arena *arena, const struct s3_key *key,
                       const struct s3_request *request, int64_t expires_s)
{
    const char *date = timestamp(arena, request->time_s);
    struct canonical canonical = {.path = s3_encode(arena, request->path, 1)};
    struct s3_field *queries = arena_alloc(arena, (request->query_count + 5) * sizeof *queries);

    add_headers(arena, &canonical, copy_headers(arena, request), request->header_count + 1);
    if (request->query_count > 0)
        memcpy(queries, request->queries, request->query_count * sizeof *queries);
    const struct s3_field own[] = {
        {"X-Amz-Algorithm", ALGORITHM},
        {"X-Amz-Credential",
         arena_printf(arena, "%s/%s", key->access_key, scope_of(arena, key, date))},
        {"X-Amz-Date", date},
        {"X-Amz-Expires", arena_printf(arena, "%" PRId64, expires_s)},
        {"X-Amz-SignedHeaders", canonical.names},
    };
    memcpy(queries + request->query_count, own, sizeof own);
    canonical.query = sorted_query(arena, queries, request->query_count + 5);
    return arena_printf(
        arena, "%s&X-Amz-Signature=%s", target_of(arena, &canonical),
        signature(arena, key, date, canonical_hash(arena, request, &canonical, S3_UNSIGNED)));
}
