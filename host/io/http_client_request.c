/*
 * Requests into curl's options, and curl's callbacks into a response.
 *
 * Callbacks only store what they are given. A size limit or a full disk is noted in
 * transfer.failure and makes curl end the transfer.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_client_internal.h"

enum {
    MAX_BODY = 16 * 1024 * 1024,
    MAX_KEPT_OF_UNSAVED = 64 * 1024, /* of an answer that is not worth a file */
    MAX_HEADER_BYTES = 64 * 1024,
    CONNECT_TIMEOUT_MS = 10000,
};

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
            return false;
    return size > 0;
}

static bool is_one_line(const char *text)
{
    for (; text && *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool names_header(const char *line, size_t size, const char *name)
{
    return size == strlen(name) && strncasecmp(line, name, size) == 0;
}

/* Framing is curl's business: a second opinion on it could smuggle a request. */
static bool is_allowed_header(const char *line)
{
    size_t size = strcspn(line, ":");

    return line[size] == ':' && is_token(line, size) && is_one_line(line) &&
           !names_header(line, size, "content-length") &&
           !names_header(line, size, "transfer-encoding");
}

static const char *part_fault(const struct aisha_http_part *part)
{
    /* a file name may hold anything: curl escapes what matters */
    if (!part->name || !is_one_line(part->name) || !is_one_line(part->content_type))
        return "a part with an odd name or type";
    if (!part->text + !part->bytes + !part->path != 2)
        return "a part needs one of text, bytes and path";
    return NULL;
}

int transfer_check(const struct aisha_http_request *request, const char **ret_error)
{
    const char *fault = NULL;

    if (request->method && !is_token(request->method, strlen(request->method)))
        fault = "an odd method";
    for (const char *const *line = request->headers; line && *line; line++)
        if (!is_allowed_header(*line))
            fault = "an odd header";
    for (size_t i = 0; i < request->part_count && !fault; i++)
        fault = part_fault(&request->parts[i]);
    if (!!request->body + !!request->body_path + !!request->part_count > 1)
        fault = "more than one body";
    if (request->method && strcmp(request->method, "HEAD") == 0 &&
        (request->body || request->body_path || request->part_count))
        fault = "a HEAD request with a body";
    if (!fault)
        return 0;
    *ret_error = fault;
    return -AISHA_E_INVALID;
}

static bool is_success(const struct transfer *t)
{
    return t->status >= 200 && t->status <= 299;
}

static size_t stop(struct transfer *t, int failure)
{
    if (t->failure == 0)
        t->failure = failure;
    return 0; /* fewer bytes than given: curl ends the transfer */
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    struct transfer *t = user;
    const char *colon = memchr(line, ':', size), *end = line + size;

    (void)one;
    if (size > 5 && memcmp(line, "HTTP/", 5) == 0) { /* also after an interim answer */
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        t->status = (int)status;
        STAILQ_INIT(&t->headers);
        t->header_count = 0;
        t->has_head = false;
        return size;
    }
    if (!colon) {
        t->has_head = true;
        return size;
    }
    t->header_bytes += size;
    if (t->header_bytes > MAX_HEADER_BYTES)
        return stop(t, -AISHA_E_LIMIT);
    struct response_header *header = arena_alloc(t->arena, sizeof *header);
    char *name = arena_strndup(t->arena, line, (size_t)(colon - line));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
        ;
    while (end > colon && isspace((unsigned char)end[-1]))
        end--;
    header->header.name = name;
    header->header.value = arena_strndup(t->arena, colon, (size_t)(end - colon));
    STAILQ_INSERT_TAIL(&t->headers, header, link);
    t->header_count++;
    return size;
}

static size_t save(struct transfer *t, const char *data, size_t size)
{
    size_t limit = t->request.max_body_bytes;

    if (limit && size > limit - t->body_size)
        return stop(t, -AISHA_E_LIMIT);
    for (size_t written = 0; written < size;) {
        ssize_t n = write(t->file, data + written, size - written);
        if (n < 0 && errno != EINTR)
            return stop(t, -errno);
        written += n > 0 ? (size_t)n : 0;
    }
    t->body_size += size;
    return size;
}

static void keep(struct transfer *t, const char *data, size_t size)
{
    if (t->body_size + size + 1 > t->body_capacity) {
        size_t capacity = t->body_capacity ? t->body_capacity * 2 : 4096;
        while (capacity < t->body_size + size + 1)
            capacity *= 2;
        t->body = realloc(t->body, capacity);
        if (!t->body)
            abort();
        t->body_capacity = capacity;
    }
    memcpy(t->body + t->body_size, data, size);
    t->body_size += size;
    t->body[t->body_size] = '\0';
}

static size_t on_body(char *data, size_t one, size_t size, void *user)
{
    struct transfer *t = user;
    size_t limit = t->request.max_body_bytes ? t->request.max_body_bytes : MAX_BODY;

    (void)one;
    if (t->file >= 0 && is_success(t))
        return save(t, data, size);
    if (t->file >= 0) {
        size_t room = MAX_KEPT_OF_UNSAVED - t->body_size;
        keep(t, data, size < room ? size : room);
        return size;
    }
    if (size > limit - t->body_size)
        return stop(t, -AISHA_E_LIMIT);
    keep(t, data, size);
    return size;
}

/* The bytes of a part: curl would copy them, a cursor into the caller's memory does not. */
struct cursor {
    const char *bytes;
    size_t size, at;
};

static size_t read_bytes(char *buffer, size_t one, size_t room, void *user)
{
    struct cursor *cursor = user;
    size_t left = cursor->size - cursor->at, size = left < room * one ? left : room * one;

    memcpy(buffer, cursor->bytes + cursor->at, size);
    cursor->at += size;
    return size;
}

static int seek_bytes(void *user, curl_off_t offset, int origin)
{
    struct cursor *cursor = user;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > cursor->size)
        return CURL_SEEKFUNC_FAIL;
    cursor->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int add_file(curl_mimepart *mime_part, const char *path)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode))
        return -AISHA_E_INVALID;
    return curl_mime_filedata(mime_part, path) == CURLE_OK ? 0 : -EACCES;
}

static int add_part(struct transfer *t, const struct aisha_http_part *part)
{
    curl_mimepart *mime_part = curl_mime_addpart(t->mime);
    const char *type = part->content_type;
    int r = 0;

    if (!mime_part)
        abort();
    curl_mime_name(mime_part, part->name);
    if (part->text) {
        curl_mime_data(mime_part, part->text, CURL_ZERO_TERMINATED);
    } else if (part->bytes) {
        struct cursor *cursor = arena_alloc(t->arena, sizeof *cursor);
        *cursor = (struct cursor){.bytes = part->bytes, .size = part->bytes_size};
        curl_mime_data_cb(mime_part, (curl_off_t)part->bytes_size, read_bytes, seek_bytes, NULL,
                          cursor);
    } else {
        r = add_file(mime_part, part->path);
    }
    if (!type && !part->text)
        type = "application/octet-stream";
    curl_mime_filename(mime_part, part->file_name);
    curl_mime_type(mime_part, type);
    return r;
}

/* curl takes "Name:" for an order to leave the header out, "Name;" for one without a value. */
static char *header_line(struct arena *arena, const char *line)
{
    size_t name = strcspn(line, ":");
    bool is_empty = line[name + 1 + strspn(line + name + 1, " \t")] == '\0';

    return is_empty ? arena_printf(arena, "%.*s;", (int)name, line) : arena_strdup(arena, line);
}

/* At *end; returns where the next one goes. */
static struct curl_slist **add_header_line(struct arena *arena, struct curl_slist **end, char *line)
{
    struct curl_slist *node = arena_alloc(arena, sizeof *node);

    node->data = line;
    *end = node;
    return &node->next;
}

static void set_headers(struct transfer *t)
{
    struct curl_slist *lines, **end = &lines;
    bool has_type = false;

    for (const char *const *line = t->request.headers; line && *line; line++) {
        has_type |= names_header(*line, strcspn(*line, ":"), "content-type");
        end = add_header_line(t->arena, end, header_line(t->arena, *line));
    }
    if (!has_type && t->request.part_count == 0)
        end = add_header_line(t->arena, end, arena_strdup(t->arena, "Content-Type:"));
    add_header_line(t->arena, end, arena_strdup(t->arena, "Expect:"));
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, lines);
}

/* Says which file it is: the address alone would not help whoever named that. */
static int blame_file(const struct transfer *t, const char *path, const char *what, int r,
                      const char **ret_error)
{
    *ret_error = arena_printf(t->arena, "the file %s %s: %s", path, what,
                              r == -AISHA_E_INVALID ? "it is no regular file, or too short"
                                                    : aisha_error_text(r));
    return r;
}

static const char not_sent[] = "cannot be read to be sent";

static int set_parts(struct transfer *t, const char **ret_error)
{
    t->mime = curl_mime_init(t->easy);
    if (!t->mime)
        abort();
    for (size_t i = 0; i < t->request.part_count; i++) {
        int r = add_part(t, &t->request.parts[i]);
        if (r < 0)
            return blame_file(t, t->request.parts[i].path, not_sent, r, ret_error);
    }
    curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime);
    return 0;
}

static size_t read_file(char *buffer, size_t one, size_t room, void *user)
{
    struct transfer *t = user;
    off_t left = t->body_end - t->body_at;
    size_t size = (off_t)(room * one) < left ? room * one : (size_t)left;
    ssize_t count = size > 0 ? pread(t->body_file, buffer, size, t->body_at) : 0;

    if (count < 0 || (count == 0 && size > 0)) /* it has become shorter */
        return CURL_READFUNC_ABORT;
    t->body_at += count;
    return (size_t)count;
}

static int seek_file(void *user, curl_off_t offset, int origin)
{
    struct transfer *t = user;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_FAIL;
    t->body_at = t->request.body_offset + offset;
    return CURL_SEEKFUNC_OK;
}

static int set_file(struct transfer *t)
{
    struct stat info;

    t->body_file = open(t->request.body_path, O_RDONLY | O_CLOEXEC);
    if (t->body_file < 0 || fstat(t->body_file, &info) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode) || t->request.body_offset < 0 ||
        t->request.body_offset > info.st_size ||
        (off_t)t->request.body_size > info.st_size - t->request.body_offset)
        return -AISHA_E_INVALID;
    t->body_at = t->request.body_offset;
    t->body_end =
        t->request.body_size > 0 ? t->body_at + (off_t)t->request.body_size : info.st_size;
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, read_file);
    curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, seek_file);
    curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(t->body_end - t->body_at));
    return 0;
}

static int set_body(struct transfer *t, const char **ret_error)
{
    const struct aisha_http_request *request = &t->request;
    bool is_file = request->body_path != NULL;
    bool has_body = request->body || is_file || request->part_count;
    const char *method = request->method ? request->method : has_body ? "POST" : "GET";
    bool is_get = strcmp(method, "GET") == 0, is_post = strcmp(method, "POST") == 0;

    t->is_plain = request->part_count == 0 && !is_file && strcmp(method, "HEAD") != 0;
    curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L); /* whatever the handle did before */
    if (is_file) {
        int r = set_file(t);
        if (r < 0)
            return blame_file(t, request->body_path, not_sent, r, ret_error);
    } else if (request->part_count) {
        int r = set_parts(t, ret_error);
        if (r < 0)
            return r;
    } else if (has_body || is_post || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(request->body ? request->body_size : 0));
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    }
    bool is_said = has_body ? is_post && !is_file : is_get || is_post; /* by what was set already */
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, is_said ? NULL : method);
    return 0;
}

void transfer_dress(CURL *easy, const char *user_agent)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    /* A CA directory, which Debian sets, keeps curl from caching the certificates it has read. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    /* Removing a handle would otherwise wait for its name to be resolved. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
}

int transfer_prepare(struct transfer *t, const char **ret_error)
{
    curl_easy_setopt(t->easy, CURLOPT_URL, t->request.url);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->text);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    /* On a kept connection curl repeats what got no answer at all. */
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, (long)t->request.is_once);
    set_headers(t);
    int r = set_body(t, ret_error);
    if (r < 0 || !t->request.save_path)
        return r;
    t->file = open(t->request.save_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (t->file < 0)
        r = blame_file(t, t->request.save_path, "cannot be made for the answer", -errno, ret_error);
    return r;
}

static const struct aisha_http_header *collect_headers(struct transfer *t)
{
    struct aisha_http_header *headers = arena_alloc(t->arena, t->header_count * sizeof *headers);
    struct response_header *header;
    size_t i = 0;

    STAILQ_FOREACH(header, &t->headers, link)
        headers[i++] = header->header;
    return headers;
}

int transfer_finish(struct transfer *t, const struct aisha_http_response **ret_response,
                    const char **ret_error)
{
    if (!t->has_head) { /* curl is content with a stream that ends within the headers */
        *ret_error = "the answer ends too early";
        return -AISHA_E_UPSTREAM;
    }
    if (t->file >= 0 && is_success(t)) {
        int r = close(t->file) < 0 ? -errno : 0;
        t->file = -1;
        if (r < 0) {
            unlink(t->request.save_path);
            return blame_file(t, t->request.save_path, "cannot be written", r, ret_error);
        }
    }
    struct aisha_http_response *response = arena_alloc(t->arena, sizeof *response);
    *response = (struct aisha_http_response){
        .size = sizeof *response,
        .status = t->status,
        .body = t->body ? t->body : "",
        .body_size = t->body_size,
        .headers = collect_headers(t),
        .header_count = t->header_count,
    };
    if (t->body)
        arena_defer(t->arena, free, t->body);
    t->body = NULL;
    *ret_response = response;
    return 0;
}

void transfer_done(struct transfer *t)
{
    if (t->body_file >= 0)
        close(t->body_file);
    if (t->file >= 0) { /* still open: its content is not part of a result */
        close(t->file);
        unlink(t->request.save_path);
    }
    free(t->body);
    curl_mime_free(t->mime);
}
