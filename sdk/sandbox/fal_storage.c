/*
 * Files: what clients upload before they submit, and what models have made. A file is the record
 * "fal_file" {file_id, name, type, expires_at?}, by a key that nobody can guess; what is to be
 * uploaded is the record "fal_upload" {name, type, is_multipart, lifetime_s}, by the same key.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/fetch.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/text.h"
#include "sdk/sandbox/world.h"

enum {
    LARGEST = 256 << 20,
    PIECE = 65536,
    LONGEST_NAME = 200,
    MOST_PARTS = 10000,
    KEY = 32,
    TOKEN_SECONDS = 3600
};

static const char file_kind[] = "fal_file", upload_kind[] = "fal_upload", part_kind[] = "fal_part",
                  token_kind[] = "fal_token";

/* What a path may carry of a file's name. */
static const char *clean_name(struct arena *arena, const char *name)
{
    char *clean = arena_strndup(arena, name && *name ? name : "file", LONGEST_NAME);

    for (char *c = clean; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_", *c))
            *c = '_';
    return clean;
}

/* Something that a header may carry. */
static const char *clean_type(struct arena *arena, const char *type)
{
    size_t length = type ? strlen(type) : 0;

    for (size_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)type[i]) && type[i] != ' ')
            length = 0;
    return length && length <= LONGEST_NAME ? arena_strdup(arena, type)
                                            : "application/octet-stream";
}

static const char *file_url(struct arena *arena, const char *base, const char *key,
                            const char *name)
{
    return arena_printf(arena, "%s/files/%s/%s", base, key, name);
}

static const char *keep_bytes(struct fal *fal, struct arena *arena, const char *name,
                              const void *bytes, size_t size)
{
    cJSON *object = json_keep(arena, cJSON_CreateObject());

    json_set_text(object, "file_name", name);
    world_add_file(fal->sandbox->world, arena, "document", object, bytes, size);
    return json_get_text(object, "file_id");
}

static void keep_file(struct fal *fal, struct arena *arena, const char *key, const cJSON *about,
                      const void *bytes, size_t size)
{
    int64_t lifetime_s = json_get_int(about, "lifetime_s", 0);
    cJSON *record = json_keep(arena, cJSON_Duplicate(about, true));

    json_set_text(record, "file_id",
                  keep_bytes(fal, arena, json_get_text(about, "name"), bytes, size));
    if (lifetime_s)
        json_set_int(record, "expires_at", world_now(fal->sandbox->world) + lifetime_s);
    world_put_record(fal->sandbox->world, arena, file_kind, key, record);
}

cJSON *fal_add_file(struct fal *fal, struct arena *arena, const char *base, const char *name,
                    const char *type, const void *bytes, size_t size)
{
    cJSON *about = json_keep(arena, cJSON_CreateObject());
    cJSON *file = json_keep(arena, cJSON_CreateObject());
    const char *key = world_random_name(arena);

    json_set_text(about, "name", name);
    json_set_text(about, "type", type);
    keep_file(fal, arena, key, about, bytes, size);
    json_set_text(file, "url", file_url(arena, base, key, name));
    json_set_text(file, "content_type", type);
    json_set_text(file, "file_name", name);
    json_set_int(file, "file_size", (int64_t)size);
    return file;
}

/* ---- up ---- */

/* Seconds of the header X-Fal-Object-Lifecycle; 0 = for ever. */
static int64_t lifetime(struct fal_call *call)
{
    const char *text = http_exchange_header(call->exchange, "x-fal-object-lifecycle");
    const cJSON *lifecycle = text ? json_parse(call->arena, text, strlen(text)) : NULL;

    return json_get_int(lifecycle, "expiration_duration_seconds", 0);
}

void fal_initiate(struct fal_call *call, bool is_multipart)
{
    struct arena *arena = call->arena;
    const struct http_exchange *exchange = call->exchange;
    const cJSON *body = json_parse(arena, exchange->body, exchange->body_size);
    const char *type = json_get_text(body, "content_type"), *key = world_random_name(arena);
    const char *name = clean_name(arena, json_get_text(body, "file_name"));
    cJSON *upload = json_keep(arena, cJSON_CreateObject());
    cJSON *answer = json_keep(arena, cJSON_CreateObject());

    if (!type) {
        fal_refuse(call, 422, NULL, "content_type is required");
        return;
    }
    json_set_text(upload, "name", name);
    json_set_text(upload, "type", clean_type(arena, type));
    json_set_bool(upload, "is_multipart", is_multipart);
    json_set_int(upload, "lifetime_s", lifetime(call));
    world_put_record(call->sandbox->world, arena, upload_kind, key, upload);
    json_set_text(answer, "upload_url", arena_printf(arena, "%s/upload/%s", call->base, key));
    json_set_text(answer, "file_url", file_url(arena, call->base, key, name));
    fal_answer(call, 200, json_text(arena, answer));
}

bool fal_is_streamed(const struct http_exchange *exchange)
{
    return strcmp(exchange->method, "PUT") == 0 &&
           strncmp(exchange->path, "/fal/upload/", strlen("/fal/upload/")) == 0;
}

static void free_text(void *text)
{
    text_free(text);
}

/* All of a body that comes in pieces. false when it did not come. */
static AISHA_ASYNC bool read_body(struct fal_call *call, struct text *body)
{
    char *piece = arena_alloc(call->arena, PIECE);
    ssize_t size;

    arena_defer(call->arena, free_text, body);
    while ((size = http_exchange_read(call->exchange, piece, PIECE)) > 0) {
        if (body->size + (size_t)size > LARGEST) {
            fal_refuse(call, 413, NULL, "File too large");
            return false;
        }
        text_add(body, piece, (size_t)size);
    }
    return size == 0;
}

static const char *part_id(struct arena *arena, const char *key, int number)
{
    return arena_printf(arena, "%s/%d", key, number);
}

static AISHA_ASYNC void put_part(struct fal_call *call, const char *key, const char *text)
{
    struct arena *arena = call->arena;
    int number = (int)strtol(text, NULL, 10);
    struct text *body = arena_alloc(arena, sizeof *body);
    cJSON *part = json_keep(arena, cJSON_CreateObject());
    cJSON *answer = json_keep(arena, cJSON_CreateObject());

    if (!read_body(call, body))
        return;
    if (number < 1 || number > MOST_PARTS) {
        fal_refuse(call, 400, NULL, "Invalid part number");
        return;
    }
    const char *file_id = keep_bytes(call->fal, arena, "part", body->bytes, body->size);
    const char *etag = arena_printf(arena, "\"%s\"", world_random_name(arena));
    json_set_text(part, "file_id", file_id);
    json_set_text(part, "etag", etag);
    world_put_record(call->sandbox->world, arena, part_kind, part_id(arena, key, number), part);
    json_set_int(answer, "partNumber", number);
    json_set_text(answer, "etag", etag);
    http_exchange_add_header(call->exchange, "ETag", etag);
    fal_answer(call, 200, json_text(arena, answer));
}

/* Puts the parts together, in the order in which they are named. */
static AISHA_ASYNC void complete(struct fal_call *call, const char *key, const cJSON *upload)
{
    struct arena *arena = call->arena;
    struct world *world = call->sandbox->world;
    const cJSON *body = json_parse(arena, call->exchange->body, call->exchange->body_size), *named;
    struct text *whole = arena_alloc(arena, sizeof *whole);

    arena_defer(arena, free_text, whole);
    cJSON_ArrayForEach(named, json_get(body, "parts")) {
        int number = (int)json_get_int(named, "partNumber", 0);
        const char *etag = json_get_text(named, "etag");
        const cJSON *part = world_record(world, arena, part_kind, part_id(arena, key, number));
        size_t size = 0;
        const void *bytes =
            part ? world_file_bytes(world, arena, json_get_text(part, "file_id"), &size) : NULL;
        if (!bytes || !etag || strcmp(etag, json_get_text(part, "etag")) != 0 ||
            whole->size + size > LARGEST) {
            fal_refuse(call, 400, NULL, "Invalid part");
            return;
        }
        text_add(whole, bytes, size);
        world_remove_record(world, part_kind, part_id(arena, key, number));
    }
    keep_file(call->fal, arena, key, upload, whole->bytes ? whole->bytes : "", whole->size);
    world_remove_record(world, upload_kind, key);
    fal_answer(call, 200, "{\"status\":\"completed\"}");
}

static AISHA_ASYNC void put_whole(struct fal_call *call, const char *key, const cJSON *upload)
{
    const char *type = http_exchange_header(call->exchange, "content-type");
    struct text *body = arena_alloc(call->arena, sizeof *body);

    if (!type || strcasecmp(type, json_get_text(upload, "type")) != 0) {
        fal_refuse(call, 403, NULL, "The content type is not the one of the signature");
        return;
    }
    if (!read_body(call, body))
        return;
    keep_file(call->fal, call->arena, key, upload, body->bytes ? body->bytes : "", body->size);
    world_remove_record(call->sandbox->world, upload_kind, key);
    fal_answer(call, 200, "{}");
}

void fal_upload(struct fal_call *call, const char *rest)
{
    const char *slash = strchr(rest, '/'), *method = call->exchange->method;
    const char *key = arena_strndup(call->arena, rest, slash ? (size_t)(slash - rest) : KEY);
    const cJSON *upload = world_record(call->sandbox->world, call->arena, upload_kind, key);
    bool is_multipart = json_get_bool(upload, "is_multipart");

    if (!upload)
        fal_refuse(call, 404, NULL, "Not Found");
    else if (strcmp(method, "PUT") == 0 && !slash && !is_multipart)
        put_whole(call, key, upload);
    else if (strcmp(method, "PUT") == 0 && slash && is_multipart)
        put_part(call, key, slash + 1);
    else if (strcmp(method, "POST") == 0 && slash && is_multipart &&
             strcmp(slash, "/complete") == 0)
        complete(call, key, upload);
    else
        fal_refuse(call, 405, NULL, "Method Not Allowed");
}

/* The way of the Python client: a token for an hour, and then the bytes at once. */
void fal_give_token(struct fal_call *call)
{
    struct arena *arena = call->arena;
    struct world *world = call->sandbox->world;
    const char *token = world_random_name(arena);
    int64_t expires_at = world_now(world) + TOKEN_SECONDS;
    cJSON *record = json_keep(arena, cJSON_CreateObject());
    cJSON *answer = json_keep(arena, cJSON_CreateObject());
    const time_t seconds = (time_t)expires_at;
    char date[32];
    struct tm tm;

    json_set_int(record, "expires_at", expires_at);
    world_put_record(world, arena, token_kind, token, record);
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_set_text(answer, "token", token);
    json_set_text(answer, "token_type", "Bearer");
    json_set_text(answer, "base_url", call->base);
    json_set_text(answer, "expires_at", date);
    fal_answer(call, 200, json_text(arena, answer));
}

void fal_upload_with_token(struct fal_call *call)
{
    struct arena *arena = call->arena;
    const struct http_exchange *exchange = call->exchange;
    const char *header = http_exchange_header(exchange, "authorization");
    const char *token = header && strncasecmp(header, "Bearer ", 7) == 0 ? header + 7 : "";
    const cJSON *record = world_record(call->sandbox->world, arena, token_kind, token);
    cJSON *answer = json_keep(arena, cJSON_CreateObject());

    if (json_get_int(record, "expires_at", 0) <= world_now(call->sandbox->world)) {
        fal_refuse(call, 401, NULL, "Invalid token");
        return;
    }
    const cJSON *file =
        fal_add_file(call->fal, arena, call->base,
                     clean_name(arena, http_exchange_header(exchange, "x-fal-file-name")),
                     clean_type(arena, http_exchange_header(exchange, "content-type")),
                     exchange->body, exchange->body_size);
    json_set_copy(answer, "access_url", json_get(file, "url"));
    fal_answer(call, 200, json_text(arena, answer));
}

/* ---- down ---- */

/* The bytes of files/KEY/…, or NULL. */
static const void *find(struct fal *fal, struct arena *arena, const char *rest, size_t *ret_size,
                        const char **ret_type)
{
    const char *key = arena_strndup(arena, rest, strcspn(rest, "/"));
    const cJSON *file = world_record(fal->sandbox->world, arena, file_kind, key);
    int64_t expires_at = json_get_int(file, "expires_at", 0);

    if (!file || (expires_at && expires_at <= world_now(fal->sandbox->world)))
        return NULL;
    *ret_type = json_get_text(file, "type");
    return world_file_bytes(fal->sandbox->world, arena, json_get_text(file, "file_id"), ret_size);
}

void fal_download(struct fal_call *call, const char *rest)
{
    const char *type;
    size_t size;
    const void *bytes = find(call->fal, call->arena, rest, &size, &type);

    if (strcmp(call->exchange->method, "GET") != 0)
        fal_refuse(call, 405, NULL, "Method Not Allowed");
    else if (bytes)
        fal_answer_bytes(call, type, bytes, size);
    else
        fal_refuse(call, 404, NULL, "File not found");
}

/* What follows "/fal/files/" in an address of this machine, or NULL. */
static const char *own_file(const char *url)
{
    static const char path[] = "/fal/files/";
    const char *host = strstr(url, "://"), *slash = host ? strchr(host + 3, '/') : NULL;

    return slash && strncmp(slash, path, strlen(path)) == 0 ? slash + strlen(path) : NULL;
}

bool fal_fetch(struct fal_work *work, const char *url, cJSON *location, size_t most,
               struct fal_bytes *ret_bytes)
{
    const char *own = own_file(url), *type;

    /* Files of ours are found without a call, also when a restart has changed the port. */
    ret_bytes->bytes = own ? find(work->fal, work->arena, own, &ret_bytes->size, &type) : NULL;
    if (ret_bytes->bytes && ret_bytes->size <= most) {
        cJSON_Delete(location);
        return true;
    }
    int r = fetch_bytes(work->fal->sandbox, work->arena, url, most, &ret_bytes->bytes,
                        &ret_bytes->size);
    if (r == -AISHA_E_LIMIT)
        return fal_fail(work, "file_too_large", location, "File size exceeds the limit", NULL);
    if (r < 0 && r != -AISHA_E_CANCELED)
        return fal_fail(work, "file_download_error", location,
                        "Failed to download the file. Please check if the URL is accessible and "
                        "try again.",
                        NULL);
    cJSON_Delete(location);
    return r == 0;
}
