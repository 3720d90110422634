#include "sdk/sandbox/params.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/json.h"

enum { MOST_BYTES = 1024 * 1024, MOST_FILES = 50, MOST_VALUES = 500, LONGEST_BOUNDARY = 70 };

struct reader {
    struct arena *arena;
    struct params *params;
    size_t bytes; /* of all values so far */
    size_t count;
    int status;
};

static void add_text(struct reader *reader, const char *name, const char *text, size_t size)
{
    reader->bytes += size;
    if (reader->bytes > MOST_BYTES || ++reader->count > MOST_VALUES)
        reader->status = 413;
    else if (!utf8_is_valid(name, strlen(name)) || !utf8_is_valid(text, size))
        reader->status = 400;
    if (reader->status)
        return;
    const char *value = arena_strndup(reader->arena, text, size), *earlier = NULL;
    size_t length = strlen(name);
    if (length > 2 && strcmp(name + length - 2, "[]") == 0)
        earlier = json_get_text(reader->params->values, name);
    if (earlier)
        value = arena_printf(reader->arena, "%s,%s", earlier, value);
    json_set_text(reader->params->values, name, value);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *url_decode(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    char *decoded = arena_alloc(arena, size + 1);
    size_t out = 0;

    for (size_t i = 0; i < size; i++) {
        int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = i + 2 < size ? hex_digit(text[i + 2]) : -1;
        if (text[i] == '%' && high >= 0 && low >= 0) {
            decoded[out++] = (char)(high * 16 + low);
            i += 2;
        } else {
            decoded[out++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    *ret_size = out;
    return decoded;
}

static void read_urlencoded(struct reader *reader, const char *text, size_t size)
{
    const char *end = text + size;

    if (size > 3 * MOST_BYTES)
        reader->status = 413;
    while (text < end && !reader->status) {
        const char *next = memchr(text, '&', (size_t)(end - text));
        const char *stop = next ? next : end;
        const char *equals = memchr(text, '=', (size_t)(stop - text));
        const char *name_end = equals ? equals : stop;
        size_t name_size, value_size = 0;
        const char *name = url_decode(reader->arena, text, (size_t)(name_end - text), &name_size);
        const char *value =
            equals ? url_decode(reader->arena, equals + 1, (size_t)(stop - equals - 1), &value_size)
                   : "";
        if (*name)
            add_text(reader, name, value, value_size);
        text = next ? next + 1 : end;
    }
}

/* Takes the value, under the name it has, in place of an earlier one. */
static void move_value(cJSON *values, cJSON *value)
{
    cJSON *earlier = json_get(values, value->string);

    if (earlier)
        cJSON_ReplaceItemViaPointer(values, earlier, value);
    else
        cJSON_AddItemToArray(values, value);
}

static void read_json(struct reader *reader, const char *text, size_t size)
{
    if (size > MOST_BYTES)
        reader->status = 413;
    else if (!utf8_is_valid(text, size))
        reader->status = 400;
    if (reader->status)
        return;
    cJSON *body = json_parse(reader->arena, text, size);
    if (!cJSON_IsObject(body))
        return;
    if (cJSON_GetArraySize(body) > MOST_VALUES) {
        reader->status = 413;
        return;
    }
    for (cJSON *member = body->child, *next; member; member = next) {
        next = member->next;
        if (!cJSON_IsNull(member))
            move_value(reader->params->values, cJSON_DetachItemViaPointer(body, member));
    }
}

/* The value of name="…" in a header such as Content-Disposition. Without quotes it goes to the next
 * semicolon: that is how Telegram reads it, and some clients count on it. */
static char *header_param(struct arena *arena, const char *header, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = strchr(header, ';'); p; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, name, length) != 0 || p[length] != '=')
            continue;
        p += length + 1;
        if (*p != '"') {
            size_t size = strcspn(p, ";\r\n");
            while (size && (p[size - 1] == ' ' || p[size - 1] == '\t'))
                size--;
            return arena_strndup(arena, p, size);
        }
        char *value = arena_strdup(arena, p + 1), *out = value;
        for (p++; *p && *p != '"'; p++) {
            if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
                p++;
            *out++ = *p;
        }
        *out = '\0';
        return value;
    }
    return NULL;
}

/* The value of that header in a part's head, or NULL. */
static char *part_header(struct arena *arena, const char *head, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = head, *end; line; line = end ? end + 2 : NULL) {
        end = strstr(line, "\r\n");
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " \t");
        return arena_strndup(arena, line, end ? (size_t)(end - line) : strlen(line));
    }
    return NULL;
}

static void add_upload(struct reader *reader, const struct upload *upload)
{
    struct params *params = reader->params;

    if (params->upload_count == MOST_FILES) {
        reader->status = 413;
        return;
    }
    if (!params->uploads)
        params->uploads = arena_alloc(reader->arena, MOST_FILES * sizeof *params->uploads);
    params->uploads[params->upload_count++] = *upload;
}

static void read_part(struct reader *reader, const char *head, const char *bytes, size_t size)
{
    const char *disposition = part_header(reader->arena, head, "content-disposition");
    const char *name = disposition ? header_param(reader->arena, disposition, "name") : NULL;
    const char *file_name =
        disposition ? header_param(reader->arena, disposition, "filename") : NULL;

    if (!name || !*name || !utf8_is_valid(name, strlen(name)) ||
        (file_name && !utf8_is_valid(file_name, strlen(file_name))))
        reader->status = 400;
    else if (file_name)
        add_upload(reader, &(struct upload){.name = name,
                                            .file_name = file_name,
                                            .content_type =
                                                part_header(reader->arena, head, "content-type"),
                                            .bytes = bytes,
                                            .size = size});
    else
        add_text(reader, name, bytes, size);
}

/* Strict: each part starts after its delimiter and CRLF, and ends before the next delimiter. */
static void read_multipart(struct reader *reader, const char *type, const char *body, size_t size)
{
    const char *boundary = header_param(reader->arena, type, "boundary");
    const char *end = body + size;

    if (!boundary || !*boundary || strlen(boundary) > LONGEST_BOUNDARY) {
        reader->status = 400;
        return;
    }
    const char *delimiter = arena_printf(reader->arena, "\r\n--%s", boundary);
    size_t length = strlen(delimiter);
    if (size < length - 2 || memcmp(body, delimiter + 2, length - 2) != 0) {
        reader->status = 400;
        return;
    }
    const char *p = body + length - 2;
    while (!reader->status && !(end - p >= 2 && memcmp(p, "--", 2) == 0)) {
        const char *head = p + 2;
        const char *stop =
            end - p >= 2 ? memmem(head, (size_t)(end - head), delimiter, length) : NULL;
        const char *blank = stop ? memmem(head, (size_t)(stop - head), "\r\n\r\n", 4) : NULL;
        if (!blank || memcmp(p, "\r\n", 2) != 0 || memcmp(head, "\r\n", 2) == 0) {
            reader->status = 400;
            return;
        }
        read_part(reader, arena_strndup(reader->arena, head, (size_t)(blank - head)), blank + 4,
                  (size_t)(stop - blank - 4));
        p = stop + length;
    }
}

static void read_body(struct reader *reader, const char *type, const char *body, size_t size)
{
    if (reader->status || !type || !size)
        return;
    if (strncasecmp(type, "application/json", 16) == 0)
        read_json(reader, body, size);
    else if (strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0)
        read_urlencoded(reader, body, size);
    else if (strncasecmp(type, "multipart/form-data", 19) == 0)
        read_multipart(reader, type, body, size);
}

static int read_all(struct arena *arena, const char *query, const char *type, const char *body,
                    size_t size, struct params *ret_params)
{
    struct params params = {.values = json_keep(arena, cJSON_CreateObject())};
    struct reader reader = {.arena = arena, .params = &params};

    read_urlencoded(&reader, query, strlen(query));
    read_body(&reader, type, body, size);
    if (!reader.status)
        *ret_params = params;
    return reader.status;
}

int params_read(struct arena *arena, const struct http_exchange *exchange,
                struct params *ret_params)
{
    return read_all(arena, exchange->query, http_exchange_header(exchange, "content-type"),
                    exchange->body, exchange->body_size, ret_params);
}

int params_read_body(struct arena *arena, const char *type, const char *body, size_t size,
                     struct params *ret_params)
{
    return read_all(arena, "", type, body, size, ret_params);
}

const struct upload *params_upload(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->upload_count; i++)
        if (strcmp(params->uploads[i].name, name) == 0)
            return &params->uploads[i];
    return NULL;
}
