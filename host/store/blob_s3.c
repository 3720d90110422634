/*
 * Files in a bucket of S3, Amazon's or another's, by path-style requests. Reading asks for pieces by
 * their range, and only for pieces of the one version it has begun with: however slowly they are
 * taken, no connection waits for that.
 */
#include "host/store/blob_s3.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/io/xml.h"

enum {
    WINDOW_BYTES = 4 * 1024 * 1024, /* of one request */
    AHEAD_BYTES = 1024 * 1024,      /* when it is read one piece after the other */
    FIRST_BYTES = 256 * 1024,
};

static struct s3 *s3_of(struct blob_store *store)
{
    return (struct s3 *)store; /* its first member */
}

/* ---- head, delete, read ---- */

static const char *unquoted(struct arena *arena, const char *etag)
{
    size_t size = etag ? strlen(etag) : 0;

    if (size >= 2 && etag[0] == '"' && etag[size - 1] == '"')
        return arena_strndup(arena, etag + 1, size - 2);
    return arena_strdup(arena, etag ? etag : "");
}

static int64_t read_date(const char *text, const char *format)
{
    struct tm utc = {0};

    return text && strptime(text, format, &utc) ? (int64_t)timegm(&utc) : 0;
}

/* The size of the whole: "bytes 0-9/1234" of a piece, or the length; -1 = it is not said. */
static int64_t size_of(const struct aisha_http_response *response)
{
    const char *range = aisha_http_header(response, "content-range");
    const char *size = range ? strchr(range, '/') : aisha_http_header(response, "content-length");

    if (range && size)
        size++;
    return size && isdigit((unsigned char)*size) ? strtoll(size, NULL, 10) : -1;
}

static int read_info(struct arena *arena, const struct aisha_http_response *response,
                     const char *key, struct blob_info *ret_info)
{
    const char *type = aisha_http_header(response, "content-type");
    const char *date = aisha_http_header(response, "last-modified");

    *ret_info = (struct blob_info){
        .size = size_of(response),
        .modified_at = read_date(date, "%a, %d %b %Y %H:%M:%S GMT"),
        .etag = unquoted(arena, aisha_http_header(response, "etag")),
        .content_type = arena_strdup(arena, type ? type : blob_type_of(key)),
    };
    return ret_info->size < 0 ? -AISHA_E_UPSTREAM : 0;
}

int s3_head(struct blob_store *store, struct arena *arena, const char *key,
            struct blob_info *ret_info)
{
    const struct aisha_http_response *response;
    const struct s3_call call = {.method = "HEAD", .key = key};

    int r = s3_call(s3_of(store), arena, &call, &response);
    return r < 0 ? r : read_info(arena, response, key, ret_info);
}

static AISHA_ASYNC int s3_delete(struct blob_store *store, const char *key)
{
    struct arena arena = {0};
    const struct s3_call call = {.method = "DELETE", .key = key};

    int r = s3_call(s3_of(store), &arena, &call, NULL);
    arena_clear(&arena);
    return r == -AISHA_E_NOT_FOUND ? 0 : r;
}

struct s3_reader {
    struct blob_reader reader;
    const char *key;
    struct arena arena; /* of the window */
    const struct aisha_http_response *window;
    int64_t window_at;
};

static void s3_close(struct blob_reader *base)
{
    struct s3_reader *reader = (struct s3_reader *)base;

    arena_clear(&reader->arena);
    arena_clear(&base->arena);
    free(reader);
}

/* The beginning comes with what there is to know, which is all of it for most files. */
static AISHA_ASYNC int read_first(struct s3_reader *reader)
{
    const struct aisha_http_response *response;
    struct blob_reader *base = &reader->reader;
    const struct s3_field range = {"range",
                                   arena_printf(&reader->arena, "bytes=0-%d", FIRST_BYTES - 1)};
    const struct s3_call call = {
        .method = "GET",
        .key = reader->key,
        .headers = &range,
        .header_count = 1,
        .max_answer = FIRST_BYTES,
    };

    int r = s3_call(s3_of(base->store), &reader->arena, &call, &response);
    if (r == -AISHA_E_CONFLICT) { /* an empty one has no such range */
        r = s3_head(base->store, &base->arena, reader->key, &base->info);
        return r == 0 && base->info.size > 0 ? -AISHA_E_CONFLICT : r;
    }
    if (r == 0)
        r = read_info(&base->arena, response, reader->key, &base->info);
    if (r == 0 && (int64_t)response->body_size > base->info.size)
        r = -AISHA_E_UPSTREAM;
    if (r == 0)
        reader->window = response;
    return r;
}

static AISHA_ASYNC int s3_open(struct blob_store *store, const char *key,
                               struct blob_reader **ret_reader)
{
    struct s3_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return -ENOMEM;
    reader->reader.store = store;
    reader->key = arena_strdup(&reader->reader.arena, key);
    int r = read_first(reader);
    if (r < 0)
        s3_close(&reader->reader);
    else
        *ret_reader = &reader->reader;
    return r;
}

static bool has_window(const struct s3_reader *reader, int64_t offset)
{
    return reader->window && offset >= reader->window_at &&
           offset < reader->window_at + (int64_t)reader->window->body_size;
}

/* A window that begins at offset, with as much of count as one may have. */
static AISHA_ASYNC int move_window(struct s3_reader *reader, int64_t offset, size_t count)
{
    const struct blob_info *info = &reader->reader.info;
    bool goes_on = reader->window ? offset == reader->window_at + (int64_t)reader->window->body_size
                                  : offset == 0;
    int64_t size = (int64_t)count < WINDOW_BYTES ? (int64_t)count : WINDOW_BYTES;

    if (goes_on && size < AHEAD_BYTES)
        size = AHEAD_BYTES;
    if (size > info->size - offset)
        size = info->size - offset;
    reader->window = NULL;
    arena_clear(&reader->arena);
    const struct s3_field headers[] = {
        {"range",
         arena_printf(&reader->arena, "bytes=%" PRId64 "-%" PRId64, offset, offset + size - 1)},
        {"if-match", arena_printf(&reader->arena, "\"%s\"", info->etag)},
    };
    const struct s3_call call = {
        .method = "GET",
        .key = reader->key,
        .headers = headers,
        .header_count = *info->etag ? 2 : 1,
        .max_answer = (size_t)size,
    };
    const struct aisha_http_response *response;
    int r = s3_call(s3_of(reader->reader.store), &reader->arena, &call, &response);
    if (r == -AISHA_E_NOT_FOUND)
        return -AISHA_E_CONFLICT; /* it was there */
    if (r == 0 && (int64_t)response->body_size != size)
        return -AISHA_E_UPSTREAM;
    if (r == 0) {
        reader->window = response;
        reader->window_at = offset;
    }
    return r;
}

static AISHA_ASYNC int s3_read(struct blob_reader *base, int64_t offset, void *bytes, size_t count)
{
    struct s3_reader *reader = (struct s3_reader *)base;
    char *to = bytes;
    int r = 0;

    while (r == 0 && count > 0) {
        if (!has_window(reader, offset))
            r = move_window(reader, offset, count);
        if (r < 0)
            break;
        size_t at = (size_t)(offset - reader->window_at), there = reader->window->body_size - at;
        size_t size = there < count ? there : count;
        memcpy(to, reader->window->body + at, size);
        to += size;
        offset += (int64_t)size;
        count -= size;
    }
    return r;
}

/* ---- lists ---- */

struct listing {
    struct arena *arena;
    struct blob_item *items;
    size_t count, max;
    struct blob_item item; /* the one that is being read */
    const char *last_key;  /* also of what is not ours */
    bool has_more;
};

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* "%XX" back into bytes, and in lists "+" into a space. */
static const char *decoded(struct arena *arena, const char *text, char plus)
{
    char *copy = arena_alloc(arena, strlen(text) + 1), *end = copy;

    for (; *text; text++) {
        if (*text == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2])) {
            *end++ = (char)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
            text += 2;
        } else {
            *end++ = *text == '+' ? plus : *text;
        }
    }
    return copy;
}

static void on_item(const char *path, const char *text, void *user)
{
    static const char contents[] = "ListBucketResult/Contents";
    struct listing *listing = user;

    if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
        listing->has_more = strcmp(text, "true") == 0;
    if (strncmp(path, contents, strlen(contents)) != 0)
        return;
    path += strlen(contents);
    if (strcmp(path, "/Key") == 0) {
        listing->item.key = listing->last_key = decoded(listing->arena, text, ' ');
    } else if (strcmp(path, "/Size") == 0) {
        listing->item.size = strtoll(text, NULL, 10);
    } else if (strcmp(path, "/ETag") == 0) {
        listing->item.etag = unquoted(listing->arena, text);
    } else if (strcmp(path, "/LastModified") == 0) {
        listing->item.modified_at = read_date(text, "%Y-%m-%dT%H:%M:%S");
    } else if (!*path) { /* its end */
        if (listing->item.key && blob_is_key(listing->item.key) && listing->count < listing->max)
            listing->items[listing->count++] = listing->item;
        listing->item = (struct blob_item){.etag = ""};
    }
}

static AISHA_ASYNC int list_once(struct s3 *s3, struct listing *listing,
                                 const struct blob_listing *wanted, const char *after)
{
    const struct aisha_http_response *response;
    const struct s3_field queries[] = {
        {"list-type", "2"},
        {"encoding-type", "url"},
        {"max-keys", arena_printf(listing->arena, "%zu", wanted->max)},
        {"prefix", wanted->prefix},
        {"start-after", after},
    };
    const struct s3_call call = {
        .method = "GET", .queries = queries, .query_count = *after ? 5 : 4};

    listing->has_more = false;
    int r = s3_call(s3, listing->arena, &call, &response);
    return r < 0 ? r : xml_scan(response->body, response->body_size, on_item, listing);
}

static AISHA_ASYNC int s3_list(struct blob_store *store, struct arena *arena,
                               const struct blob_listing *wanted, struct blob_page *ret_page)
{
    struct listing listing = {
        .arena = arena,
        .items = arena_alloc(arena, wanted->max * sizeof *listing.items),
        .max = wanted->max,
        .item = {.etag = ""},
        .last_key = wanted->after,
    };
    int r;

    /* What somebody else put there and is no key of ours is passed over. */
    do
        r = list_once(s3_of(store), &listing, wanted, listing.last_key);
    while (r == 0 && listing.count == 0 && listing.has_more);
    *ret_page = (struct blob_page){
        .items = listing.items, .count = listing.count, .has_more = listing.has_more};
    return r;
}

/* ---- for others ---- */

static const char *s3_url(struct blob_store *store, struct arena *arena, const char *method,
                          const char *key, int64_t ttl_s)
{
    struct s3 *s3 = s3_of(store);
    const struct s3_request request = {
        .method = method,
        .host = s3->public_place.host,
        .path = arena_printf(arena, "/%s/%s", s3->bucket, key),
        .time_s = (int64_t)time(NULL),
    };

    return arena_printf(arena, "%s://%s%s", s3->public_place.scheme, s3->public_place.host,
                        s3_presign(arena, &s3->key, &request, ttl_s > 0 ? ttl_s : 1));
}

static void s3_explain(struct blob_store *store, struct arena *arena, int r, const char **ret_text,
                       const char **ret_advice)
{
    const struct s3 *s3 = s3_of(store);

    *ret_text = *s3->trouble ? arena_strdup(arena, s3->trouble) : aisha_error_text(r);
    *ret_advice = *s3->advice ? arena_strdup(arena, s3->advice) : "look at BLOB_URL";
}

static void s3_close_store(struct blob_store *store)
{
    arena_clear(&s3_of(store)->arena);
    free(store);
}

/* ---- BLOB_URL ---- */

/* "https://HOST[:PORT]" with nothing behind it; the scheme's own port is left out, as curl does. */
static bool read_place(struct arena *arena, const char *scheme, const char *host,
                       struct s3_place *ret)
{
    const char *port = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t size = strlen(host), own = strlen(port);

    if (size == 0 || strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-:[]_") != size)
        return false;
    if (size > own && strcmp(host + size - own, port) == 0)
        size -= own;
    *ret = (struct s3_place){.scheme = arena_strdup(arena, scheme),
                             .host = arena_strndup(arena, host, size)};
    return true;
}

static bool is_bucket(const char *name)
{
    size_t size = strlen(name);

    return size >= 3 && size <= 63 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size &&
           isalnum((unsigned char)name[0]) && isalnum((unsigned char)name[size - 1]);
}

static bool read_region(const char *query, const char **ret_region)
{
    static const char name[] = "region=";

    *ret_region = "us-east-1";
    if (!query)
        return true;
    if (strncmp(query, name, strlen(name)) != 0)
        return false;
    *ret_region = query + strlen(name);
    return **ret_region &&
           strspn(*ret_region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789-_.") == strlen(*ret_region);
}

/* Says what is wrong, without any of the secrets, or NULL. */
static const char *read_url(struct s3 *s3, const char *url)
{
    char *rest = arena_strdup(&s3->arena, url + strlen("s3+"));
    char *query = strchr(rest, '?');
    const char *region;

    if (query)
        *query++ = '\0';
    char *account = strstr(rest, "://");
    char *place = account ? strrchr(account, '@') : NULL; /* a secret may have slashes */
    if (!account || !place)
        return "it has no KEY:SECRET@";
    *account = '\0';
    account += 3;
    *place++ = '\0';
    char *secret = strchr(account, ':'), *bucket = strchr(place, '/');
    if (!secret || secret == account || !secret[1])
        return "it has no KEY:SECRET@";
    *secret++ = '\0';
    if (!bucket)
        return "it names no bucket";
    *bucket++ = '\0';
    if (!read_place(&s3->arena, rest, place, &s3->place))
        return "it names no host";
    if (!is_bucket(bucket))
        return "a bucket has 3 to 63 of a-z 0-9 . -";
    if (!read_region(query, &region))
        return "only region= may follow the question mark";
    s3->bucket = bucket;
    s3->key = (struct s3_key){.access_key = decoded(&s3->arena, account, '+'),
                              .secret_key = decoded(&s3->arena, secret, '+'),
                              .region = region};
    return NULL;
}

static const char *read_public_url(struct s3 *s3, const char *url)
{
    s3->public_place = s3->place;
    if (!url || !*url)
        return NULL;
    char *scheme = arena_strdup(&s3->arena, url), *host = strstr(scheme, "://");
    if (!host)
        return "BLOB_PUBLIC_URL has to be https://HOST[:PORT]";
    *host = '\0';
    host += 3;
    size_t size = strlen(host);
    if (size > 0 && host[size - 1] == '/')
        host[size - 1] = '\0';
    return read_place(&s3->arena, scheme, host, &s3->public_place)
               ? NULL
               : "BLOB_PUBLIC_URL has to be https://HOST[:PORT], without a path";
}

int blob_s3_open(struct blob_store **ret_store, const struct blob_options *options,
                 struct arena *arena, const char **ret_error)
{
    static const struct blob_backend backend = {
        .is_remote = true,
        .put = s3_put,
        .head = s3_head,
        .delete = s3_delete,
        .list = s3_list,
        .create = s3_create,
        .write = s3_write,
        .finish = s3_finish,
        .discard = s3_discard,
        .open = s3_open,
        .read = s3_read,
        .close = s3_close,
        .url = s3_url,
        .tidy = s3_tidy,
        .explain = s3_explain,
        .close_store = s3_close_store,
    };
    struct s3 *s3 = calloc(1, sizeof *s3);

    if (!s3)
        return -ENOMEM;
    s3->store = (struct blob_store){.backend = &backend, .workers = options->workers};
    s3->loop = options->loop;
    s3->http = options->http;
    s3->temp_directory = arena_strdup(&s3->arena, options->temp_directory);
    const char *fault = read_url(s3, options->url);
    if (!fault)
        fault = read_public_url(s3, options->public_url);
    if (fault) {
        *ret_error = arena_printf(arena, "%s; it looks like %s", fault, BLOB_S3_FORM);
        s3_close_store(&s3->store);
        return -AISHA_E_INVALID;
    }
    *ret_store = &s3->store;
    return 0;
}
