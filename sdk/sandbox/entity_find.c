/*
 * What Telegram finds in any text: commands, mentions, tags, addresses.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"

enum {
    LONGEST_COMMAND = 64,
    SHORTEST_NAME = 3,
    LONGEST_NAME = 32,
    LONGEST_TAG = 256,
    LONGEST_CURRENCY = 8,
    MOST_FOUND = 100,
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* How many bytes at p are one; 0 = it is none. before is the character in front of it, or 0. */
typedef size_t match_fn(const char *p, char before);

static size_t match_command(const char *p, char before)
{
    size_t length = 1;

    if (*p != '/' || is_word(before) || (before && strchr("/<>.:", before)))
        return 0;
    while (length <= LONGEST_COMMAND && is_name(p[length]))
        length++;
    if (length == 1 || length > LONGEST_COMMAND + 1)
        return 0;
    if (p[length] == '@') {
        size_t name = 1;
        while (is_name(p[length + name]))
            name++;
        length += name > SHORTEST_NAME ? name : 0;
    }
    return is_word(p[length]) || p[length] == '/' ? 0 : length;
}

static size_t match_mention(const char *p, char before)
{
    size_t length = 1;

    if (*p != '@' || is_word(before) || before == '/')
        return 0;
    while (is_name(p[length]))
        length++;
    return length - 1 >= SHORTEST_NAME && length - 1 <= LONGEST_NAME && !is_word(p[length]) ? length
                                                                                            : 0;
}

static size_t match_hashtag(const char *p, char before)
{
    size_t length = 1;
    bool has_letter = false;

    if (*p != '#' || is_word(before) || before == '#')
        return 0;
    for (; is_word(p[length]) && length <= LONGEST_TAG; length++)
        has_letter |= !isdigit((unsigned char)p[length]);
    return has_letter && p[length] != '#' ? length : 0;
}

static size_t match_cashtag(const char *p, char before)
{
    size_t length = 1;

    if (*p != '$' || is_word(before) || before == '$')
        return 0;
    while (isupper((unsigned char)p[length]))
        length++;
    return length > 1 && length <= LONGEST_CURRENCY + 1 && !is_word(p[length]) && p[length] != '$'
               ? length
               : 0;
}

/* ---- addresses ---- */

static bool is_top_domain(const char *name, size_t length)
{
    static const char *const names[] = {
        "com", "org", "net", "ru",   "io",     "me",   "dev",   "app",  "info", "biz", "edu", "gov",
        "de",  "uk",  "fr",  "it",   "es",     "eu",   "us",    "ca",   "cn",   "jp",  "in",  "br",
        "pl",  "nl",  "ua",  "by",   "kz",     "ch",   "at",    "se",   "no",   "fi",  "cz",  "tv",
        "co",  "ai",  "xyz", "tech", "online", "site", "store", "blog", "club", "top", "рф",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && strncasecmp(names[i], name, length) == 0)
            return true;
    return false;
}

/* The length of a host with a known ending, such as "example.org"; 0 = it is none. */
static size_t match_host(const char *p)
{
    size_t length = 0, label = 0, dots = 0;

    while (is_word(p[length]) || p[length] == '-' ||
           (p[length] == '.' && length > label && (is_word(p[length + 1])))) {
        if (p[length] == '.') {
            dots++;
            label = length + 1;
        }
        length++;
    }
    return dots && is_top_domain(p + label, length - label) ? length : 0;
}

/* Port, path, query, without the punctuation of the sentence around it. */
static size_t match_rest(const char *p)
{
    size_t length = 0;

    if (*p == ':' && isdigit((unsigned char)p[1]))
        for (length = 1; isdigit((unsigned char)p[length]); length++)
            ;
    if (!p[length] || !strchr("/?#", p[length]))
        return length;
    length += strcspn(p + length, " \t\r\n<>\"«»");
    while (length && strchr(".,:;!?'()", p[length - 1]) &&
           !(p[length - 1] == ')' && length > 1 && memchr(p, '(', length - 1)))
        length--;
    return length;
}

static size_t match_url(const char *p, char before)
{
    size_t scheme = strncasecmp(p, "https://", 8) == 0  ? 8
                    : strncasecmp(p, "http://", 7) == 0 ? 7
                                                        : 0;

    if (is_word(before) || (before && strchr("@/.-", before)))
        return 0;
    size_t host = match_host(p + scheme);
    if (!host && scheme) /* said to be one: any host will do */
        while (is_word(p[scheme + host]) ||
               (host && (p[scheme + host] == '.' || p[scheme + host] == '-') &&
                is_word(p[scheme + host + 1])))
            host++;
    if (!host || p[scheme + host] == '@')
        return 0;
    return scheme + host + match_rest(p + scheme + host);
}

static size_t match_email(const char *p, char before)
{
    size_t length = 0;

    if (is_word(before) || (before && strchr(".+-@", before)))
        return 0;
    while (is_name(p[length]) || (length && p[length] && strchr(".+-", p[length])))
        length++;
    if (!length || p[length] != '@')
        return 0;
    size_t host = match_host(p + length + 1);
    return host ? length + 1 + host : 0;
}

static const struct kind {
    const char *type;
    match_fn *match;
} kinds[] = {
    {"bot_command", match_command}, {"mention", match_mention}, {"hashtag", match_hashtag},
    {"cashtag", match_cashtag},     {"email", match_email},     {"url", match_url},
};

/* Whether an entity that can have none inside covers that unit. */
static bool is_covered(const cJSON *entities, int64_t unit)
{
    static const char *const closed[] = {"code",         "pre",          "text_link",
                                         "text_mention", "custom_emoji", "date_time"};
    const cJSON *entity;

    cJSON_ArrayForEach(entity, entities) {
        int64_t offset = json_get_int(entity, "offset", 0);
        const char *type = json_get_text(entity, "type");
        if (offset > unit || unit >= offset + json_get_int(entity, "length", 0))
            continue;
        for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
            if (strcmp(type, closed[i]) == 0)
                return true;
    }
    return false;
}

static size_t find_at(const char *p, char before, const char **ret_type)
{
    if (is_word(before)) /* nothing begins within a word */
        return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = kinds[i].match(p, before);
        if (length) {
            *ret_type = kinds[i].type;
            return length;
        }
    }
    return 0;
}

void entities_find(cJSON *entities, const char *text)
{
    int64_t unit = 0;
    int found = 0;
    const char *type = NULL;
    size_t length = 0;
    char before = '\0';

    for (const char *p = text; *p && found < MOST_FOUND; p += length) {
        unsigned char c = (unsigned char)*p;
        bool is_start = (c & 0xC0) != 0x80;
        length = is_start ? find_at(p, before, &type) : 0;
        if (length && !is_covered(entities, unit)) {
            cJSON *entity = cJSON_CreateObject();
            json_set_text(entity, "type", type);
            json_set_int(entity, "offset", unit);
            json_set_int(entity, "length", (int64_t)utf16_length(p, length));
            cJSON_AddItemToArray(entities, entity);
            found++;
        }
        length = length ? length : 1;
        unit += (int64_t)utf16_length(p, length);
        before = p[length - 1];
    }
}
