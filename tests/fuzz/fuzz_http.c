/*
 * Bytes as a peer may send them, in two ways that have to agree: all at once, and one by one. The
 * first byte chooses how the rest is read: as requests, or as a chunked body.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "host/io/http_server_internal.h"
#include "tests/fuzz/fuzz.h"

static int scan_slowly(const char *data, size_t size, struct http_scan *scan)
{
    int end = 0;

    for (size_t i = 1; i <= size && end == 0; i++)
        end = http_scan_head(scan, data, i);
    return end;
}

static void read_request(const char *data, size_t size)
{
    struct http_scan at_once = {0}, slowly = {0};
    struct arena arena = {0};
    struct http_head head;

    int end = http_scan_head(&at_once, data, size);
    assert(end == scan_slowly(data, size, &slowly));
    assert(end <= (int)size && (end >= 0 || (-end >= 400 && -end <= 599)));
    if (end <= 0)
        return;
    int status = http_parse_head(&arena, data + at_once.start, (size_t)end - at_once.start,
                                 at_once.lines - 1, &head);
    assert(status == 0 || (status >= 400 && status <= 599));
    if (status == 0) {
        assert(head.path[0] == '/' && !strstr(head.path, "/../") && head.query);
        assert(!(head.is_chunked && head.content_length));
        for (size_t i = 0; i < head.header_count; i++)
            assert(head.headers[i].name[0] && !strpbrk(head.headers[i].value, "\r\n"));
    }
    arena_clear(&arena);
}

/* How many bytes of body a chunked stream has, read in steps; -1 when it is broken. */
static long read_chunks(const char *data, size_t size, size_t step)
{
    struct http_chunks chunks = {.state = HTTP_CHUNK_SIZE};
    size_t at = 0, seen = 0;
    long body = 0;

    while (chunks.state != HTTP_CHUNK_DONE && at < size) {
        size_t body_bytes;
        seen = seen > at ? seen : at;
        seen = seen + step < size ? seen + step : size;
        ssize_t used = http_chunks_take(&chunks, data + at, seen - at, &body_bytes);
        if (used < 0)
            return -1;
        assert((size_t)used <= seen - at && body_bytes <= (size_t)used);
        at += (size_t)used;
        body += (long)body_bytes;
    }
    return body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    if (size == 0)
        return 0;
    if (text[0] == 'c')
        assert(read_chunks(text + 1, size - 1, size) == read_chunks(text + 1, size - 1, 1));
    else
        read_request(text + 1, size - 1);
    return 0;
}
