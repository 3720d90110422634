/*
 * One call of S3. What may succeed the next time is repeated a few times with growing pauses, each
 * time with a fresh signature; what will not is said with what to do about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/http_client.h"
#include "host/io/xml.h"
#include "host/store/blob_s3.h"
#include "host/store/hex.h"

enum {
    TRIES = 5,
    FIRST_PAUSE_MS = 100,
    TIMEOUT_MS = 30000,
    BYTES_PER_MS = 100, /* slower than that is too slow */
    COMPLAIN_EVERY_MS = 60000,
    SMALL_BYTES = 64 * 1024, /* hashed at once */
    READ_BYTES = 256 * 1024,
    MAX_FIELDS = 8,
    MAX_SKEW_S = 15 * 60,
};

/* ---- answers ---- */

struct search {
    struct arena *arena;
    const char *path, *text;
};

static void on_element(const char *path, const char *text, void *user)
{
    struct search *search = user;

    if (!search->text && strcmp(path, search->path) == 0)
        search->text = arena_strdup(search->arena, text);
}

const char *s3_find(struct arena *arena, const struct aisha_http_response *response,
                    const char *path)
{
    struct search search = {.arena = arena, .path = path};

    return xml_scan(response->body, response->body_size, on_element, &search) == 0 ? search.text
                                                                                   : NULL;
}

/* What an answer means; the first row that fits. Without a code it is any; without advice it is
 * nobody's fault. */
static const struct meaning {
    int status;
    const char *code;
    int result;
    const char *advice;
} meanings[] = {
    {404, "NoSuchBucket", -AISHA_E_DENIED,
     "make the bucket of BLOB_URL, or correct its name: the host makes none"},
    {404, NULL, -AISHA_E_NOT_FOUND, NULL},
    {412, NULL, -AISHA_E_CONFLICT, NULL},
    {416, NULL, -AISHA_E_CONFLICT, NULL}, /* it is shorter now */
    {403, "RequestTimeTooSkewed", -AISHA_E_DENIED,
     "set the clock of this machine, or of that one: they have to agree"},
    {403, "SignatureDoesNotMatch", -AISHA_E_DENIED,
     "check the key and the secret in BLOB_URL (percent-encoded), and that a proxy before S3 keeps "
     "the Host header"},
    {403, "InvalidAccessKeyId", -AISHA_E_DENIED, "check the key in BLOB_URL"},
    {403, NULL, -AISHA_E_DENIED,
     "check the key and the secret in BLOB_URL, and that this key may read, write, list and delete "
     "in the bucket"},
    {401, NULL, -AISHA_E_DENIED, "check the key and the secret in BLOB_URL"},
    {400, "AuthorizationHeaderMalformed", -AISHA_E_DENIED,
     "put the region of the bucket into BLOB_URL: ?region=…"},
    {400, "BadDigest", -AISHA_E_UNAVAILABLE, NULL}, /* damaged on its way */
    {400, "XAmzContentSHA256Mismatch", -AISHA_E_UNAVAILABLE, NULL},
    {400, "IncompleteBody", -AISHA_E_UNAVAILABLE, NULL},
    {400, "RequestTimeout", -AISHA_E_UNAVAILABLE, NULL},
    {301, NULL, -AISHA_E_DENIED, "put the endpoint of the bucket's own region into BLOB_URL"},
    {307, NULL, -AISHA_E_DENIED, "put the endpoint of the bucket's own region into BLOB_URL"},
    {507, NULL, -AISHA_E_UNAVAILABLE, "the store is full: make room"},
    {429, NULL, -AISHA_E_UNAVAILABLE, NULL},
};

static const struct meaning *meaning_of(int status, const char *code)
{
    static const struct meaning outage = {.result = -AISHA_E_UNAVAILABLE};
    static const struct meaning odd = {.result = -AISHA_E_UPSTREAM};

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == status &&
            (!meanings[i].code || strcmp(meanings[i].code, code) == 0))
            return &meanings[i];
    return status >= 500 ? &outage : &odd;
}

/* By how much the other clock is ahead of ours, when that is too much; else 0. */
static int64_t skew_of(const struct aisha_http_response *response)
{
    const char *date = aisha_http_header(response, "date");
    struct tm utc = {0};

    if (!date || !strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &utc))
        return 0;
    int64_t skew = (int64_t)timegm(&utc) - (int64_t)time(NULL);
    return llabs(skew) > MAX_SKEW_S ? skew : 0;
}

static void note_trouble(struct s3 *s3, int status, const char *code, const char *advice,
                         int64_t skew)
{
    snprintf(s3->trouble, sizeof s3->trouble, "S3 answers %d%s%s", status, *code ? " " : "", code);
    if (skew)
        snprintf(s3->advice, sizeof s3->advice,
                 "set the clock of this machine: S3's is %lld s %s it", llabs((long long)skew),
                 skew > 0 ? "ahead of" : "behind");
    else
        snprintf(s3->advice, sizeof s3->advice, "%s",
                 advice ? advice : "look at the S3 server of BLOB_URL");
}

/* Somebody has to act: said at once, but not with every call. */
static void complain(struct s3 *s3)
{
    int64_t now = loop_now_ms(s3->loop);

    if (s3->complained_at_ms && now - s3->complained_at_ms < COMPLAIN_EVERY_MS)
        return;
    s3->complained_at_ms = now;
    log_error("blob", "%s: %s", s3->trouble, s3->advice);
}

static int judge(struct s3 *s3, struct arena *arena, const struct s3_call *call,
                 const struct aisha_http_response *response)
{
    bool is_good = response->status >= 200 && response->status <= 299;
    /* An upload in parts may fail after its 200 was sent. What is read may be any XML. */
    bool may_fail = !is_good || strcmp(call->method, "POST") == 0;
    const char *code =
        may_fail && response->body_size > 0 ? s3_find(arena, response, "Error/Code") : NULL;

    if (is_good && !code)
        return 0;
    const struct meaning *meaning = meaning_of(is_good ? 500 : response->status,
                                               code ? arena_printf(arena, "%.60s", code) : "");
    int64_t skew = meaning->result == -AISHA_E_DENIED ? skew_of(response) : 0;
    if (meaning->result == -AISHA_E_NOT_FOUND || meaning->result == -AISHA_E_CONFLICT)
        return meaning->result;
    note_trouble(s3, response->status, code ? code : "", meaning->advice, skew);
    if (meaning->advice || meaning->result == -AISHA_E_UPSTREAM)
        complain(s3);
    return meaning->result;
}

/* ---- the hash of what is sent ---- */

struct hashing {
    const struct s3_call *call;
    uint8_t digest[SHA256_DIGEST_LENGTH];
};

static int hash_file(EVP_MD_CTX *context, const struct s3_call *call)
{
    char *buffer = malloc(READ_BYTES);
    int fd = open(call->path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -errno : 0;

    if (!buffer)
        abort();
    for (size_t at = 0; r == 0 && at < call->size;) {
        size_t left = call->size - at;
        ssize_t got = pread(fd, buffer, left < READ_BYTES ? left : READ_BYTES,
                            (off_t)call->offset + (off_t)at);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            r = got < 0 ? -errno : -EIO; /* it has become shorter */
        else if (got > 0 && EVP_DigestUpdate(context, buffer, (size_t)got) != 1)
            abort();
        at += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    free(buffer);
    return r;
}

static int hash_now(void *arg)
{
    struct hashing *hashing = arg;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int r = 0;

    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        abort();
    if (hashing->call->path)
        r = hash_file(context, hashing->call);
    else if (EVP_DigestUpdate(context, hashing->call->body, hashing->call->size) != 1)
        abort();
    if (EVP_DigestFinal_ex(context, hashing->digest, NULL) != 1)
        abort();
    EVP_MD_CTX_free(context);
    return r;
}

/* TLS protects the body by itself; without it the signature has to. */
static AISHA_ASYNC int hash_payload(struct s3 *s3, struct arena *arena, const struct s3_call *call,
                                    const char **ret_hash)
{
    struct hashing hashing = {.call = call};

    *ret_hash = S3_EMPTY_HASH;
    if (call->size == 0)
        return 0;
    *ret_hash = S3_UNSIGNED;
    if (strcmp(s3->place.scheme, "https") == 0)
        return 0;
    int r = call->path || call->size > SMALL_BYTES
                ? workers_run(s3->store.workers, hash_now, &hashing)
                : hash_now(&hashing);
    if (r < 0)
        return r <= -AISHA_E_TIMEOUT ? r : -AISHA_E_UNAVAILABLE;
    *ret_hash = hex_encode(arena, hashing.digest, sizeof hashing.digest);
    return 0;
}

/* ---- the call ---- */

/* The headers to be sent, ended by NULL. */
static const char *const *lines_of(struct arena *arena, const struct s3_call *call,
                                   const struct s3_signature *signature, const char *hash)
{
    const char **lines = arena_alloc(arena, (call->header_count + 4) * sizeof *lines);
    size_t count = 0;

    for (; count < call->header_count; count++)
        lines[count] =
            arena_printf(arena, "%s: %s", call->headers[count].name, call->headers[count].value);
    lines[count++] = arena_printf(arena, "x-amz-date: %s", signature->date);
    lines[count++] = arena_printf(arena, "x-amz-content-sha256: %s", hash);
    lines[count++] = arena_printf(arena, "Authorization: %s", signature->authorization);
    return lines;
}

static AISHA_ASYNC int try_once(struct s3 *s3, struct arena *arena, const struct s3_call *call,
                                const char *hash, const struct aisha_http_response **ret_response)
{
    const struct s3_request to_sign = {
        .method = call->method,
        .host = s3->place.host,
        .path = arena_printf(arena, "/%s%s%s", s3->bucket, call->key ? "/" : "",
                             call->key ? call->key : ""),
        .queries = call->queries,
        .query_count = call->query_count,
        .headers = call->headers,
        .header_count = call->header_count,
        .payload_hash = hash,
        .time_s = (int64_t)time(NULL),
    };
    const struct s3_signature signature = s3_sign(arena, &s3->key, &to_sign);
    bool is_file = call->path && call->size > 0;
    const struct aisha_http_request request = {
        .size = sizeof request,
        .method = call->method,
        .url = arena_printf(arena, "%s://%s%s", s3->place.scheme, s3->place.host, signature.target),
        .headers = lines_of(arena, call, &signature, hash),
        .body = is_file ? NULL : call->body,
        .body_path = is_file ? call->path : NULL,
        .body_offset = call->offset,
        .body_size = call->size,
        .timeout_ms = TIMEOUT_MS + (int64_t)(call->size + call->max_answer) / BYTES_PER_MS,
        .max_body_bytes = call->max_answer ? call->max_answer : S3_ANSWER_BYTES,
    };
    const char *error = "";

    int r = http_client_fetch_as(s3->http, "blob", arena, &request, ret_response, &error);
    if (r == 0)
        return judge(s3, arena, call, *ret_response);
    if (r == -AISHA_E_CANCELED)
        return r;
    snprintf(s3->trouble, sizeof s3->trouble, "%s", error);
    snprintf(s3->advice, sizeof s3->advice, "is the S3 server of BLOB_URL up and reachable?");
    return -AISHA_E_UNAVAILABLE;
}

static AISHA_ASYNC int pause_before(struct s3 *s3, unsigned attempt)
{
    int64_t most_ms = (int64_t)FIRST_PAUSE_MS << attempt;
    uint16_t random = 0;

    aisha_ignore(getrandom(&random, sizeof random, 0) < 0);
    return wait_sleep(s3->loop, most_ms / 2 + random % (most_ms / 2 + 1));
}

int s3_call(struct s3 *s3, struct arena *arena, const struct s3_call *call,
            const struct aisha_http_response **ret_response)
{
    const struct aisha_http_response *response = NULL;
    const char *hash;

    int r = hash_payload(s3, arena, call, &hash);
    if (r < 0)
        return r;
    for (unsigned attempt = 0;; attempt++) {
        r = try_once(s3, arena, call, hash, &response);
        if (r != -AISHA_E_UNAVAILABLE || attempt + 1 == TRIES)
            break;
        int waited = pause_before(s3, attempt);
        if (waited < 0)
            return waited;
    }
    if (r == -AISHA_E_UNAVAILABLE)
        log_warn("blob", "%s: %s", s3->trouble, s3->advice);
    if (ret_response)
        *ret_response = response;
    return r;
}
