#include "sdk/sandbox/link.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"

static const struct scheme {
    const char *name, *wrong;
} schemes[] = {
    {"tg:", "Wrong tg URL"},
    {"ton:", "Wrong ton URL"},
    {"tonsite:", "Wrong tonsite URL"},
};

struct parts {
    bool is_https;
    const char *host; /* lower case, with the user before "@" and the port behind ":" */
    const char *name; /* the host alone */
    const char *rest; /* path, query and fragment, from "/" on */
};

static bool is_host_char(char c)
{
    return isalnum((unsigned char)c) || strchr("-._~%[]:!$&'()*+,;=", c) ||
           (unsigned char)c >= 0x80;
}

/* Splits user@host:port. */
static const char *read_authority(struct arena *arena, const char *text, struct parts *parts)
{
    char *host = arena_strdup(arena, text);
    char *at = strrchr(host, '@'), *name = at ? at + 1 : host;
    char *port = *name == '[' ? strchr(name, ']') : name;

    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    port = port ? strrchr(port, ':') : NULL;
    if (port) {
        long number = strtol(port + 1, NULL, 10);
        if (!port[1] || port[1 + strspn(port + 1, "0123456789")] || number < 1 || number > 65535)
            return "Wrong port number specified in the URL";
    }
    parts->name = arena_strndup(arena, name, port ? (size_t)(port - name) : strlen(name));
    parts->host = host;
    if (!*parts->name || strcmp(parts->name, ".") == 0)
        return "URL host is empty";
    for (const char *c = parts->name; *c; c++)
        if (!is_host_char(*c))
            return "Disallowed character in URL host";
    return NULL;
}

static const char *split(struct arena *arena, const char *link, struct parts *parts)
{
    const char *scheme_end = strstr(link, "://");
    size_t before = strcspn(link, ":/?#@[]");

    if (scheme_end && scheme_end == link + before) {
        parts->is_https = before == 5 && strncasecmp(link, "https", 5) == 0;
        if (!parts->is_https && !(before == 4 && strncasecmp(link, "http", 4) == 0))
            return "Unsupported URL protocol";
        link = scheme_end + 3;
    }
    size_t length = strcspn(link, "/?#");
    const char *wrong = read_authority(arena, arena_strndup(arena, link, length), parts);
    const char *rest = link + length;
    parts->rest = *rest == '/' ? rest : arena_printf(arena, "/%s", rest);
    return wrong;
}

/* "tg://resolve?domain=x" and its kin; the two slashes may be missing. */
static const char *read_scheme(struct arena *arena, const char *link, const struct scheme *scheme,
                               const char **ret_link)
{
    size_t length = strlen(scheme->name);
    const char *rest = link + length;
    struct parts parts = {0};

    rest += strncmp(rest, "//", 2) == 0 ? 2 : 0;
    if (split(arena, rest, &parts) || strstr(rest, "://") || strcmp(parts.host, parts.name) != 0)
        return scheme->wrong;
    for (const char *c = parts.name; *c; c++)
        if (*c != '-' && !isalnum((unsigned char)*c))
            return "Unallowed characters in URL host";
    const char *query = parts.rest[1] == '?' ? parts.rest + 1 : parts.rest;
    *ret_link = arena_printf(arena, "%s//%s%s", scheme->name, parts.name,
                             strcmp(query, "/") == 0 ? "" : query);
    return NULL;
}

static const char *read_link(struct arena *arena, const char *link, enum link_kind kind,
                             const char **ret_link)
{
    struct parts parts = {0};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(link, schemes[i].name, strlen(schemes[i].name)) == 0)
            return kind == LINK_HTTPS ? "Only HTTPS links are allowed"
                                      : read_scheme(arena, link, &schemes[i], ret_link);
    const char *wrong = split(arena, link, &parts);
    if (wrong)
        return wrong;
    if (kind == LINK_HTTPS && !parts.is_https)
        return "Only HTTPS links are allowed";
    if (!strchr(parts.name, '.') && *parts.name != '[')
        return "Wrong HTTP URL";
    *ret_link =
        arena_printf(arena, "http%s://%s%s", parts.is_https ? "s" : "", parts.host, parts.rest);
    return NULL;
}

const char *link_read(struct arena *arena, const char *link, enum link_kind kind,
                      const char **ret_link)
{
    const char *wrong = read_link(arena, link, kind, ret_link);

    return wrong ? arena_printf(arena, "URL '%s' is invalid: %s", link, wrong) : NULL;
}
