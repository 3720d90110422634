#include "sdk/sandbox/webhook_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"

static bool is_port(const char *text)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    long port = strtol(text, &end, 10);
    return !*end && port > 0 && port <= 65535;
}

const char *webhook_url_host(struct arena *arena, const char *url)
{
    const char *scheme_end = strstr(url, "://");

    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return NULL;
    if (scheme_end && strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
        return NULL;
    const char *start = scheme_end ? scheme_end + 3 : url;
    char *host = arena_strndup(arena, start, strcspn(start, "/?#"));
    char *at = strrchr(host, '@');
    host = at ? at + 1 : host;
    char *port = *host == '[' ? strchr(host, ']') : host;
    port = port ? strchr(port, ':') : NULL;
    if (port && !is_port(port + 1))
        return NULL;
    if (port)
        *port = '\0';
    if (*host == '[') {
        char *end = strchr(host, ']');
        if (!end)
            return NULL;
        *end = '\0';
        host++;
    }
    return *host ? host : NULL;
}

bool webhook_url_is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

struct lookup {
    const char *host;
    char ip[INET6_ADDRSTRLEN];
};

static int look_up(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct lookup *lookup = arg;
    struct addrinfo *found;

    if (getaddrinfo(lookup->host, NULL, &hints, &found) != 0)
        return -AISHA_E_NOT_FOUND;
    int r = getnameinfo(found->ai_addr, found->ai_addrlen, lookup->ip, sizeof lookup->ip, NULL, 0,
                        NI_NUMERICHOST);
    freeaddrinfo(found);
    return r == 0 ? 0 : -AISHA_E_NOT_FOUND;
}

int webhook_url_resolve(struct workers *workers, struct arena *arena, const char *host,
                        const char **ret_ip)
{
    struct lookup lookup = {.host = host};

    if (webhook_url_is_address(host)) {
        *ret_ip = host;
        return 0;
    }
    int r = workers_run(workers, look_up, &lookup);
    if (r == 0)
        *ret_ip = arena_strdup(arena, lookup.ip);
    return r;
}
