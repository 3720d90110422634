/*
 * Bytes to requests, without sockets.
 *
 * Debian builds libhttp-parser in its lenient mode: blanks before a colon, lone line feeds and any
 * byte after a chunk pass. So the raw head is checked line by line before the library splits it,
 * and chunks are decoded here. What two readers could understand differently is refused.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <http_parser.h>

#include "host/io/http_server_internal.h"

enum { MAX_CHUNK_LINE = 256, MAX_TRAILERS = 4096, MAX_SIZE_DIGITS = 15 };

static bool is_token(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-') /* nearly always */
        return true;
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static int check_request_line(const char *line, size_t size)
{
    size_t blanks = 0;

    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] >= 0x80 || line[i] == '\t')
            return -HTTP_STATUS_BAD_REQUEST;
        blanks += line[i] == ' ';
    }
    return blanks == 2 ? 0 : -HTTP_STATUS_BAD_REQUEST;
}

static int check_header_line(const char *line, size_t size)
{
    size_t i = 0;

    while (i < size && is_token(line[i]))
        i++;
    return i > 0 && i < size && line[i] == ':' ? 0 : -HTTP_STATUS_BAD_REQUEST;
}

/* The line ends before its CRLF at end. Returns 1 when it was the empty one that ends the head. */
static int scan_line(struct http_scan *scan, const char *data, size_t end)
{
    const char *line = data + scan->line_start;
    size_t size = end - scan->line_start;

    scan->line_start = end + 2;
    if (size == 0) {
        if (scan->lines == 0)
            scan->start = scan->line_start; /* empty lines before a request are allowed */
        return scan->lines > 0;
    }
    if (scan->lines++ == 0)
        return check_request_line(line, size);
    if (scan->lines > HTTP_MAX_HEADERS + 1)
        return -HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
    return check_header_line(line, size);
}

/* Passes over bytes that may stand anywhere within a line. */
static size_t skip_plain(const struct http_scan *scan, const char *data, size_t size)
{
    size_t i = scan->seen;
    size_t limit = scan->lines == 0 ? scan->line_start + HTTP_MAX_TARGET_LINE : HTTP_MAX_HEAD;
    size_t end = size < limit ? size : limit;

    if (i > 0 && data[i - 1] == '\r')
        return i;
    while (i < end && (unsigned char)data[i] >= 0x20 && data[i] != 0x7f)
        i++;
    return i;
}

int http_scan_head(struct http_scan *scan, const char *data, size_t size)
{
    for (;; scan->seen++) {
        size_t i = scan->seen = skip_plain(scan, data, size);
        if (i >= size)
            return 0;
        unsigned char c = (unsigned char)data[i];
        bool follows_cr = i > 0 && data[i - 1] == '\r';
        if (follows_cr != (c == '\n') || c == 0x7f)
            return -HTTP_STATUS_BAD_REQUEST;
        if (c < 0x20 && c != '\t' && c != '\r' && c != '\n')
            return -HTTP_STATUS_BAD_REQUEST;
        if (scan->lines == 0 && i - scan->line_start >= HTTP_MAX_TARGET_LINE)
            return -HTTP_STATUS_URI_TOO_LONG;
        if (i >= HTTP_MAX_HEAD)
            return -HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
        if (c != '\n')
            continue;
        int r = scan_line(scan, data, i - 1);
        if (r < 0)
            return r;
        if (r > 0)
            return (int)++scan->seen;
    }
}

struct reading {
    struct arena *arena;
    struct http_head *head;
    const char *target;
    size_t target_size;
    size_t max_headers;
    bool is_complete;
};

static int on_url(http_parser *parser, const char *at, size_t size)
{
    struct reading *reading = parser->data;

    if (reading->target)
        return 1;
    reading->target = at;
    reading->target_size = size;
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t size)
{
    struct reading *reading = parser->data;
    struct http_head *head = reading->head;

    if (head->header_count == reading->max_headers)
        return 1;
    char *name = arena_strndup(reading->arena, at, size);
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    head->headers[head->header_count++].name = name;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t size)
{
    struct reading *reading = parser->data;
    struct http_head *head = reading->head;

    if (head->header_count == 0 || head->headers[head->header_count - 1].value)
        return 1;
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    head->headers[head->header_count - 1].value = arena_strndup(reading->arena, at, size);
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct reading *reading = parser->data;

    reading->head->keeps_alive = http_should_keep_alive(parser) != 0;
    reading->is_complete = true;
    return 0;
}

static int status_of(const http_parser *parser)
{
    switch (HTTP_PARSER_ERRNO(parser)) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_TRANSFER_ENCODING:
        return HTTP_STATUS_NOT_IMPLEMENTED;
    case HPE_INVALID_VERSION:
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    default:
        return HTTP_STATUS_BAD_REQUEST;
    }
}

/* How often a header appears, and its first value. */
static size_t count_header(const struct http_head *head, const char *name, const char **ret_value)
{
    size_t count = 0;

    *ret_value = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (strcmp(head->headers[i].name, name) != 0)
            continue;
        if (count++ == 0)
            *ret_value = head->headers[i].value;
    }
    return count;
}

static int read_body_framing(struct http_head *head)
{
    const char *encoding, *length;
    size_t encodings = count_header(head, "transfer-encoding", &encoding);
    size_t lengths = count_header(head, "content-length", &length);

    if (encodings > 1 || lengths > 1 || (encodings && lengths))
        return HTTP_STATUS_BAD_REQUEST;
    if (encodings) {
        if (head->is_http_1_0)
            return HTTP_STATUS_BAD_REQUEST;
        head->is_chunked = strcasecmp(encoding, "chunked") == 0;
        return head->is_chunked ? 0 : HTTP_STATUS_NOT_IMPLEMENTED;
    }
    if (lengths) {
        size_t digits = strspn(length, "0123456789");
        if (digits == 0 || digits > 18 || length[digits])
            return HTTP_STATUS_BAD_REQUEST;
        head->content_length = strtoull(length, NULL, 10);
    }
    return 0;
}

static int read_expectation(struct http_head *head)
{
    const char *expect;

    if (!count_header(head, "expect", &expect) || head->is_http_1_0)
        return 0;
    head->expects_continue = strcasecmp(expect, "100-continue") == 0;
    return head->expects_continue ? 0 : HTTP_STATUS_EXPECTATION_FAILED;
}

static bool has_dot_segment(const char *path)
{
    for (const char *segment = path; segment; segment = strchr(segment + 1, '/')) {
        const char *name = segment + 1;
        size_t size = strcspn(name, "/");
        if ((size == 1 || size == 2) && strncmp(name, "..", size) == 0)
            return true;
    }
    return false;
}

/* "/path?query", or the same with a scheme and a host before it. */
static int read_target(struct arena *arena, const char *target, size_t size, struct http_head *head)
{
    const char *end = target + size, *path = target;

    if (memchr(target, '#', size))
        return HTTP_STATUS_BAD_REQUEST;
    if (*path != '/') {
        if (size > 7 && strncasecmp(target, "http://", 7) == 0)
            path += 7;
        else if (size > 8 && strncasecmp(target, "https://", 8) == 0)
            path += 8;
        else
            return HTTP_STATUS_BAD_REQUEST;
        while (path < end && *path != '/' && *path != '?')
            path++;
    }
    const char *question = memchr(path, '?', (size_t)(end - path));
    const char *path_end = question ? question : end;
    head->path =
        path == path_end ? "/" : http_percent_decode(arena, path, (size_t)(path_end - path), false);
    head->query = question ? arena_strndup(arena, question + 1, (size_t)(end - question - 1)) : "";
    return head->path && !has_dot_segment(head->path) ? 0 : HTTP_STATUS_BAD_REQUEST;
}

int http_parse_head(struct arena *arena, const char *data, size_t size, size_t header_lines,
                    struct http_head *ret_head)
{
    static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
    };
    struct http_head head = {.headers = arena_alloc(arena, header_lines * sizeof *head.headers)};
    struct reading reading = {.arena = arena, .head = &head, .max_headers = header_lines};
    http_parser parser;
    const char *host;

    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &reading;
    size_t used = http_parser_execute(&parser, &settings, data, size);
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK)
        return status_of(&parser);
    if (parser.http_major != 1)
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    if (used != size || !reading.is_complete || !reading.target ||
        head.header_count != header_lines)
        return HTTP_STATUS_BAD_REQUEST;
    head.method = http_method_str((enum http_method)parser.method);
    head.is_http_1_0 = parser.http_minor == 0;
    size_t hosts = count_header(&head, "host", &host);
    if (hosts > 1 || (hosts == 0 && !head.is_http_1_0))
        return HTTP_STATUS_BAD_REQUEST;
    int status = read_target(arena, reading.target, reading.target_size, &head);
    if (status == 0)
        status = read_body_framing(&head);
    if (status == 0)
        status = read_expectation(&head);
    if (status == 0)
        *ret_head = head;
    return status;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *http_percent_decode(struct arena *arena, const char *text, size_t size, bool is_form)
{
    char *decoded = arena_alloc(arena, size + 1), *out = decoded;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            int high = size - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = size - i > 2 ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        *out++ = c;
    }
    return decoded;
}

/* One byte of framing: the next state, or -1. */
static int chunk_framing(struct http_chunks *chunks, char c)
{
    bool is_control = (unsigned char)c < 0x20 && c != '\t';

    switch (chunks->state) {
    case HTTP_CHUNK_SIZE: {
        int digit = hex_value(c);
        if (digit >= 0) {
            chunks->left = chunks->left * 16 + (unsigned)digit;
            return ++chunks->size_digits <= MAX_SIZE_DIGITS ? HTTP_CHUNK_SIZE : -1;
        }
        if (chunks->size_digits == 0)
            return -1;
        return c == '\r' ? HTTP_CHUNK_SIZE_LF : c == ';' ? HTTP_CHUNK_EXTENSION : -1;
    }
    case HTTP_CHUNK_EXTENSION:
        if (c == '\r')
            return HTTP_CHUNK_SIZE_LF;
        return is_control || ++chunks->line_bytes > MAX_CHUNK_LINE ? -1 : HTTP_CHUNK_EXTENSION;
    case HTTP_CHUNK_SIZE_LF:
        chunks->size_digits = chunks->line_bytes = 0;
        if (c != '\n')
            return -1;
        return chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER_START;
    case HTTP_CHUNK_DATA_CR:
        return c == '\r' ? HTTP_CHUNK_DATA_LF : -1;
    case HTTP_CHUNK_DATA_LF:
        return c == '\n' ? HTTP_CHUNK_SIZE : -1;
    case HTTP_CHUNK_TRAILER_START:
        if (c == '\r')
            return HTTP_CHUNK_END_LF;
        return is_token(c) ? HTTP_CHUNK_TRAILER : -1;
    case HTTP_CHUNK_TRAILER:
        if (c == '\r')
            return HTTP_CHUNK_TRAILER_LF;
        return is_control || ++chunks->line_bytes > MAX_TRAILERS ? -1 : HTTP_CHUNK_TRAILER;
    case HTTP_CHUNK_TRAILER_LF:
        return c == '\n' ? HTTP_CHUNK_TRAILER_START : -1;
    case HTTP_CHUNK_END_LF:
        return c == '\n' ? HTTP_CHUNK_DONE : -1;
    case HTTP_CHUNK_DATA:
    case HTTP_CHUNK_DONE:
        break;
    }
    return -1;
}

ssize_t http_chunks_take(struct http_chunks *chunks, const char *data, size_t size,
                         size_t *ret_body)
{
    size_t used = 0;

    *ret_body = 0;
    if (chunks->state == HTTP_CHUNK_DATA) {
        used = chunks->left < size ? (size_t)chunks->left : size;
        chunks->left -= used;
        if (chunks->left == 0)
            chunks->state = HTTP_CHUNK_DATA_CR;
        *ret_body = used;
        return (ssize_t)used;
    }
    while (used < size && chunks->state != HTTP_CHUNK_DATA && chunks->state != HTTP_CHUNK_DONE) {
        int next = chunk_framing(chunks, data[used++]);
        if (next < 0)
            return -1;
        chunks->state = (enum http_chunk_state)next;
    }
    return (ssize_t)used;
}
