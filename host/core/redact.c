/*
 * The list only grows, in pieces that never move, and each entry is complete before it is counted:
 * readers need no lock.
 */
#include "host/core/redact.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_SECRETS = 64,
    LEAST_BYTES = 4,
    PART_BYTES = 8,   /* of a part or a line of a secret that is one itself */
    BEGIN_BYTES = 12, /* longer than the public number at the beginning of a bot's token */
};

struct piece {
    char *secrets[PIECE_SECRETS];
    struct piece *next; /* made before anything in it is counted */
};

static struct {
    pthread_mutex_t mutex; /* of those who add */
    struct piece first, *last;
    atomic_size_t count;
} known = {.mutex = PTHREAD_MUTEX_INITIALIZER, .last = &known.first};

/* What lies between the first secret and the last one that was counted at the beginning. */
struct walk {
    const struct piece *piece;
    size_t at, count;
};

static struct walk walk_begin(void)
{
    return (struct walk){.piece = &known.first, .count = atomic_load(&known.count)};
}

/* NULL at the end. */
static const char *walk_next(struct walk *walk)
{
    if (walk->at == walk->count)
        return NULL;
    if (walk->at > 0 && walk->at % PIECE_SECRETS == 0)
        walk->piece = walk->piece->next;
    return walk->piece->secrets[walk->at++ % PIECE_SECRETS];
}

static bool is_known(const char *secret)
{
    struct walk walk = walk_begin();
    const char *other;

    while ((other = walk_next(&walk)))
        if (strcmp(other, secret) == 0)
            return true;
    return false;
}

static void append(char *secret)
{
    size_t count = atomic_load(&known.count);

    if (count > 0 && count % PIECE_SECRETS == 0) {
        known.last->next = calloc(1, sizeof *known.last);
        if (!known.last->next)
            abort(); /* rather than say it */
        known.last = known.last->next;
    }
    known.last->secrets[count % PIECE_SECRETS] = secret;
    atomic_store(&known.count, count + 1);
}

static void add(const char *secret, size_t size, size_t least)
{
    char *copy = size >= least ? strndup(secret, size) : NULL;

    if (!copy)
        return;
    pthread_mutex_lock(&known.mutex);
    bool is_new = !is_known(copy);
    if (is_new)
        append(copy);
    pthread_mutex_unlock(&known.mutex);
    if (!is_new)
        free(copy);
}

static void add_encoded(const char *secret, size_t size)
{
    char *encoded = malloc(3 * size + 1);
    size_t used = 0;

    if (!encoded)
        return;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)secret[i];
        if (isalnum(c) || strchr("-._~", c))
            encoded[used++] = (char)c;
        else
            used += (size_t)snprintf(encoded + used, 4, "%%%02X", c);
    }
    encoded[used] = '\0';
    add(encoded, used, LEAST_BYTES);
    free(encoded);
}

void redact_add(const char *secret)
{
    const char *colon = secret ? strrchr(secret, ':') : NULL;

    if (!secret)
        return;
    if (!strchr(secret, '\n')) {
        add(secret, strlen(secret), LEAST_BYTES);
        add_encoded(secret, strlen(secret));
    }
    if (colon)
        add(colon + 1, strlen(colon + 1), PART_BYTES);
    while (*secret) {
        size_t size = strcspn(secret, "\r\n");
        add(secret, size, PART_BYTES);
        secret += size + strspn(secret + size, "\r\n");
    }
}

static void add_decoded(const char *text, size_t size)
{
    char *decoded = strndup(text, size), *to = decoded;
    unsigned byte;

    if (!decoded)
        return;
    for (const char *from = decoded; *from; from++) {
        bool is_escape = *from == '%' && isxdigit((unsigned char)from[1]) &&
                         isxdigit((unsigned char)from[2]) && sscanf(from + 1, "%2x", &byte) == 1;
        *to++ = is_escape ? (char)byte : *from;
        from += is_escape ? 2 : 0;
    }
    *to = '\0';
    redact_add(decoded);
    free(decoded);
    add(text, size, LEAST_BYTES);
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && (!text[digits] || strchr("/?# ", text[digits]));
}

void redact_add_url(const char *url)
{
    const char *authority = url ? strstr(url, "://") : NULL;

    if (!authority)
        return;
    authority += strlen("://");
    size_t size = strcspn(authority, "/?# ");
    const char *colon = memchr(authority, ':', size);
    const char *at = memrchr(authority, '@', size);
    if (!at && colon && *authority != '[' && !is_port(colon + 1)) {
        at = strrchr(authority, '@'); /* somebody forgot to encode the password */
        add(colon + 1, at ? (size_t)(authority + size - colon - 1) : 0, LEAST_BYTES);
    }
    if (at && colon && colon < at)
        add_decoded(colon + 1, (size_t)(at - colon - 1));
    for (const char *name = strstr(url, "password="); name; name = strstr(name, "password=")) {
        name += strlen("password=");
        add_decoded(name, strcspn(name, "&# "));
    }
}

static bool is_in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* How much of a secret stands at text: all of it, or so much that it has to be its beginning. A short
 * one, which may be a part of a common word, has to stand by itself. */
static size_t match(const char *text, char before, const char *secret, bool is_cut)
{
    size_t size = 0;

    while (secret[size] && text[size] == secret[size])
        size++;
    if (!secret[size] && size < PART_BYTES && (is_in_word(before) || is_in_word(text[size])))
        return 0;
    if (!secret[size] || size >= BEGIN_BYTES)
        return size;
    return is_cut && size >= LEAST_BYTES && !text[size] ? size : 0;
}

static char *replace(char *text, bool is_cut)
{
    char *to = text;

    for (const char *from = text; from && *from;) {
        char before = from > text ? from[-1] : '\0';
        struct walk walk = walk_begin();
        const char *secret;
        size_t longest = 0;
        while ((secret = walk_next(&walk))) {
            size_t size = *from == *secret ? match(from, before, secret, is_cut) : 0;
            longest = size > longest ? size : longest;
        }
        if (longest) {
            memcpy(to, "***", 3); /* none is shorter than that */
            to += 3;
            from += longest;
        } else {
            *to++ = *from++;
        }
    }
    if (to)
        *to = '\0';
    return text;
}

char *redact(char *text)
{
    return replace(text, false);
}

char *redact_cut(char *text)
{
    return replace(text, true);
}
