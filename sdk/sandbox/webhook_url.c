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

static const char scheme_mark[] = "://";

const char *webhook_url_whole(struct arena *arena, const char *url)
{
    return strstr(url, scheme_mark) ? arena_strdup(arena, url)
                                    : arena_printf(arena, "https://%s", url);
}

/* 0 = none. */
static int port_of(const char *text)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return 0;
    long port = strtol(text, &end, 10);
    return !*end && port <= 65535 ? (int)port : 0;
}

static bool is_clean(const char *url)
{
    for (; *url; url++)
        if ((unsigned char)*url <= ' ' || *url == 0x7f)
            return false;
    return true;
}

bool webhook_url_read(struct arena *arena, const char *url, const char **ret_host, int *ret_port)
{
    const char *start = strstr(webhook_url_whole(arena, url), scheme_mark) + strlen(scheme_mark);
    char *host = arena_strndup(arena, start, strcspn(start, "/?#")), *at = strrchr(host, '@');
    bool is_http = strncasecmp(url, "http://", 7) == 0;

    if (!is_clean(url) ||
        (strstr(url, scheme_mark) && !is_http && strncasecmp(url, "https://", 8) != 0))
        return false;
    host = at ? at + 1 : host;
    char *end = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":");
    if (!end)
        return false;
    char *port = strchr(end, ':');
    *ret_port = port ? port_of(port + 1) : is_http ? 80 : 443;
    *end = '\0';
    *ret_host = *host == '[' ? host + 1 : host;
    return **ret_host && *ret_port > 0;
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
