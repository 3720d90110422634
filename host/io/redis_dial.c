#include "host/io/redis_dial.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"

enum { MAX_DATABASE = 10000 };

/* ---- the URL ---- */

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* NULL when a % stands before something else than two digits, or for a zero. */
static const char *percent_decode(struct arena *arena, const char *text, size_t size)
{
    char *decoded = arena_alloc(arena, size + 1);
    size_t length = 0;

    for (size_t i = 0; i < size; i++) {
        decoded[length] = text[i];
        if (text[i] == '%') {
            int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(text[i + 2]);
            if (low < 0 || (high == 0 && low == 0))
                return NULL;
            decoded[length] = (char)(16 * high + low);
            i += 2;
        }
        length++;
    }
    return decoded;
}

static bool read_number(const char *text, long max, int *ret)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (!isdigit((unsigned char)*text) || *end || number > max)
        return false;
    *ret = (int)number;
    return true;
}

static const char *read_login(struct arena *arena, const char *text, size_t size,
                              struct redis_url *url)
{
    const char *colon = memchr(text, ':', size);

    if (!colon)
        return "write a password as :PASSWORD@, with a colon before it";
    url->password = percent_decode(arena, colon + 1, size - (size_t)(colon + 1 - text));
    const char *user = percent_decode(arena, text, (size_t)(colon - text));
    if (!user || !url->password)
        return "a % is followed by two digits from 0 to f: write it itself as %25";
    url->user = *user ? user : NULL;
    return NULL;
}

/* HOST[:PORT], [::1]:PORT */
static const char *read_host(struct arena *arena, const char *text, size_t size,
                             struct redis_url *url)
{
    const char *end = text + size, *host = text, *rest = memchr(text, ':', size);
    int port;

    if (*text == '[') {
        host++;
        rest = memchr(text, ']', size);
        if (!rest)
            return "the ] after the address is missing";
    }
    url->host = arena_strndup(arena, host, (size_t)((rest ? rest : end) - host));
    if (rest && *rest == ']')
        rest = rest + 1 < end ? rest + 1 : NULL;
    url->port = rest ? arena_strndup(arena, rest + 1, (size_t)(end - rest - 1)) : "6379";
    if (!*url->host)
        return "the host is missing";
    if (!read_number(url->port, 65535, &port) || port == 0)
        return "the port is not one";
    url->port = arena_printf(arena, "%d", port); /* zeros in front and all */
    return NULL;
}

static const char *read_url(struct arena *arena, const char *text, struct redis_url *url)
{
    static const char scheme[] = "redis://";

    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return "write redis://[:PASSWORD@]HOST:PORT/DATABASE";
    text += sizeof scheme - 1;
    size_t size = strcspn(text, "/");
    const char *at = memrchr(text, '@', size), *error = NULL;
    if (at)
        error = read_login(arena, text, (size_t)(at - text), url);
    const char *host = at ? at + 1 : text;
    if (!error)
        error = read_host(arena, host, size - (size_t)(host - text), url);
    text += size;
    if (!error && text[0] && text[1] && !read_number(text + 1, MAX_DATABASE, &url->database))
        return "what comes after the last / is the number of a database";
    return error;
}

int redis_url_parse(struct arena *arena, const char *text, struct redis_url *ret_url,
                    const char **ret_error)
{
    *ret_url = (struct redis_url){0};
    *ret_error = read_url(arena, text, ret_url);
    return *ret_error ? -AISHA_E_INVALID : 0;
}

/* ---- connecting ---- */

struct lookup {
    const struct redis_url *url;
    struct addrinfo *found;
    int error;
};

static int look_up(void *arg)
{
    struct lookup *lookup = arg;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};

    lookup->error = getaddrinfo(lookup->url->host, lookup->url->port, &wanted, &lookup->found);
    return lookup->error ? -AISHA_E_UNAVAILABLE : 0;
}

static AISHA_ASYNC int ask(struct redis_connection *connection, struct arena *arena,
                           const struct redis_arg *args, size_t count,
                           char reason[REDIS_REASON_SIZE])
{
    struct redis_request request = {.arena = arena, .args = args, .arg_count = count};

    int r = redis_connection_run(connection, &request);
    if (r < 0)
        snprintf(reason, REDIS_REASON_SIZE, "%s", connection->reason);
    if (r == 0 && request.reply->type == REDIS_REFUSAL) {
        /* Its words; a password is not among them. */
        snprintf(reason, REDIS_REASON_SIZE, "it refuses %s: %.80s", (const char *)args[0].bytes,
                 request.reply->text);
        r = -AISHA_E_UNAVAILABLE;
    }
    return r;
}

static AISHA_ASYNC int introduce(struct redis_connection *connection, const struct redis_url *url,
                                 char reason[REDIS_REASON_SIZE])
{
    struct arena arena = {0};
    const struct redis_arg auth[] = {REDIS_ARG("AUTH"),
                                     REDIS_ARG(url->user ? url->user : "default"),
                                     REDIS_ARG(url->password ? url->password : "")};
    const struct redis_arg name[] = {REDIS_ARG("CLIENT"), REDIS_ARG("SETNAME"), REDIS_ARG("aisha")};
    const struct redis_arg database[] = {REDIS_ARG("SELECT"), redis_arg_int(&arena, url->database)};
    int r = 0;

    if (url->password)
        r = ask(connection, &arena, auth, 3, reason);
    if (r == 0)
        r = ask(connection, &arena, database, 2, reason);
    if (r == 0 && ask(connection, &arena, name, 3, reason) < 0 && connection->is_broken)
        r = -AISHA_E_UNAVAILABLE; /* it need not allow us the name, which is for the eye */
    arena_clear(&arena);
    return r;
}

int redis_dial(struct loop *loop, struct workers *workers, const struct redis_url *url,
               struct redis_connection **ret_connection, char ret_reason[REDIS_REASON_SIZE])
{
    struct lookup lookup = {.url = url};
    struct redis_connection *connection = NULL;

    int r = workers_run(workers, look_up, &lookup);
    if (r < 0) {
        snprintf(ret_reason, REDIS_REASON_SIZE, "%s: %s", url->host,
                 lookup.error ? gai_strerror(lookup.error) : aisha_error_text(r));
        return -AISHA_E_UNAVAILABLE;
    }
    r = -AISHA_E_UNAVAILABLE;
    for (const struct addrinfo *one = lookup.found; r == -AISHA_E_UNAVAILABLE && one;
         one = one->ai_next)
        r = redis_connection_open(&connection, loop, one->ai_addr, one->ai_addrlen, ret_reason);
    freeaddrinfo(lookup.found);
    if (r < 0)
        return r;
    r = introduce(connection, url, ret_reason);
    if (r < 0)
        redis_connection_free(connection);
    else
        *ret_connection = connection;
    return r;
}
