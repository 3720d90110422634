/*
 * The chat page's files, embedded.
 */
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/embedded.h"
#include "sdk/sandbox/sandbox.h"

/* The page runs and shows nothing but these files, and what it fetches from here. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

const struct embedded_file *embedded_find(const struct embedded_file *files, const char *name)
{
    for (; files->name; files++)
        if (strcmp(files->name, name) == 0)
            return files;
    return NULL;
}

void page_handle(struct http_exchange *exchange)
{
    const char *name = exchange->path[1] ? exchange->path + 1 : "index.html";
    const struct embedded_file *file = embedded_find(page_files, name);

    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_add_header(exchange, "Content-Security-Policy", policy);
    http_exchange_add_header(exchange, "Referrer-Policy", "no-referrer");
    if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0)
        http_exchange_respond(exchange, 405, "text/plain", "method not allowed\n", 19);
    else if (!file)
        http_exchange_respond(exchange, 404, "text/plain", "not found\n", 10);
    else
        http_exchange_respond(exchange, 200, type_of(name), file->bytes, file->size);
}
