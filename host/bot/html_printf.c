/*
 * Cuts a printf format into literal text, which is copied, and conversions, each of which is handed
 * to printf alone with its argument and then escaped.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/bot/html.h"
#include "host/bot/split.h"
#include "host/bot/text.h"

enum { SPEC_MAX_BYTES = 64 };

/* One conversion: "%-5.3ld" has length "l" and type 'd'; stars are replaced by their numbers. */
struct conversion {
    char spec[SPEC_MAX_BYTES];
    size_t size;
    char length[3];
    char type;
};

/* va_list is an array on some machines and cannot be handed on by address as a parameter. */
struct arguments {
    va_list list;
};

static void spec_add(struct conversion *c, const char *text, size_t size)
{
    assert(c->size + size < sizeof c->spec);
    memcpy(c->spec + c->size, text, size);
    c->size += size;
}

/* Takes "*" or digits off *format. */
static void take_number(struct conversion *c, const char **format, struct arguments *args)
{
    if (**format == '*') {
        char number[16];
        int size = snprintf(number, sizeof number, "%d", va_arg(args->list, int));
        spec_add(c, number, (size_t)size);
        ++*format;
        return;
    }
    size_t digits = strspn(*format, "0123456789");
    spec_add(c, *format, digits);
    *format += digits;
}

/* A negative precision counts as none. */
static void take_precision(struct conversion *c, const char **format, struct arguments *args)
{
    size_t start = c->size;

    spec_add(c, ".", 1);
    ++*format;
    take_number(c, format, args);
    if (c->spec[start + 1] == '-')
        c->size = start;
}

/* Takes the conversion at *format, which starts behind its "%". */
static struct conversion take_conversion(const char **format, struct arguments *args)
{
    struct conversion c = {.spec = "%", .size = 1};
    size_t flags = strspn(*format, "-+ #0'");

    spec_add(&c, *format, flags);
    *format += flags;
    take_number(&c, format, args);
    assert(**format != '$');
    if (**format == '.')
        take_precision(&c, format, args);
    size_t length = strspn(*format, "hlzjt");
    assert(length < sizeof c.length);
    memcpy(c.length, *format, length);
    spec_add(&c, *format, length);
    *format += length;
    c.type = **format;
    assert(c.type && strchr("diuxXocsfFeEgGaAp", c.type));
    spec_add(&c, *format, 1);
    ++*format;
    c.spec[c.size] = '\0';
    return c;
}

#pragma GCC diagnostic push
/* The spec was cut out of a format that the compiler has checked against its arguments. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static char *convert_integer(struct arena *arena, const struct conversion *c,
                             struct arguments *args)
{
    if (strcmp(c->length, "l") == 0)
        return arena_printf(arena, c->spec, va_arg(args->list, long));
    if (strcmp(c->length, "ll") == 0)
        return arena_printf(arena, c->spec, va_arg(args->list, long long));
    if (strcmp(c->length, "z") == 0)
        return arena_printf(arena, c->spec, va_arg(args->list, size_t));
    if (strcmp(c->length, "j") == 0)
        return arena_printf(arena, c->spec, va_arg(args->list, intmax_t));
    if (strcmp(c->length, "t") == 0)
        return arena_printf(arena, c->spec, va_arg(args->list, ptrdiff_t));
    assert(!*c->length || *c->length == 'h');
    return arena_printf(arena, c->spec, va_arg(args->list, int));
}

static char *convert(struct arena *arena, const struct conversion *c, struct arguments *args)
{
    if (strchr("diuxXo", c->type))
        return convert_integer(arena, c, args);
    if (strchr("fFeEgGaA", c->type)) {
        assert(!*c->length || strcmp(c->length, "l") == 0);
        return arena_printf(arena, c->spec, va_arg(args->list, double));
    }
    assert(!*c->length);
    if (c->type == 'c')
        return arena_printf(arena, c->spec, va_arg(args->list, int));
    if (c->type == 's')
        return arena_printf(arena, c->spec, va_arg(args->list, const char *));
    return arena_printf(arena, c->spec, va_arg(args->list, void *));
}

#pragma GCC diagnostic pop

char *html_vprintf(struct arena *arena, const char *format, va_list args)
{
    struct text out = {.arena = arena};
    struct arguments copy;

    va_copy(copy.list, args);
    while (*format) {
        size_t literal = strcspn(format, "%");
        text_add(&out, format, literal);
        format += literal;
        if (!*format)
            break;
        format++;
        if (*format == '%') {
            text_add(&out, format++, 1);
            continue;
        }
        struct conversion c = take_conversion(&format, &copy);
        text_adds(&out, html_escape(arena, convert(arena, &c, &copy)));
    }
    va_end(copy.list);
    /* A precision counts bytes and may have cut a character. */
    return out.data && !utf8_is_valid(out.data, out.size)
               ? utf8_repair(arena, out.data, out.size, NULL)
               : text_done(&out);
}

char *html_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *html = html_vprintf(arena, format, args);
    va_end(args);
    return html;
}
