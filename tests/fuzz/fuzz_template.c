/*
 * Templates: whatever is inserted into markup stays text. What comes out is well-formed, reads as it
 * was meant once the markup is taken out, and can be sent in parts that are well-formed, too.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "host/bot/html.h"
#include "host/bot/split.h"
#include "tests/fuzz/fuzz.h"

enum { SMALL_LIMIT = 16 };

static void check_html(struct arena *arena, const char *html, const char *wanted)
{
    assert(utf8_is_valid(html, strlen(html)));
    assert(!html_check(arena, html));
    if (wanted)
        assert(strcmp(html_to_plain(arena, html), wanted) == 0);
    const char *const *parts = split_text(arena, html, SPLIT_HTML, SMALL_LIMIT);
    for (; *parts; parts++)
        assert(!html_check(arena, *parts) && split_length(*parts, SPLIT_HTML) <= SMALL_LIMIT);
}

/* The formats of plugins are literals, so these are, too. */
static void insert(struct arena *arena, const char *text, const char *other, int number)
{
    size_t length = strlen(text);
    int width = number % 32, cut = length ? (int)((unsigned)number % length) : 0;

    check_html(arena, html_printf(arena, "%s", text), text);
    check_html(arena, html_printf(arena, "<b>%s</b>: <i>%s</i>", text, other),
               arena_printf(arena, "%s: %s", text, other));
    check_html(arena, html_printf(arena, "<a href=\"https://x/%s\">%%</a>&amp;", text), "%&");
    check_html(arena, html_printf(arena, "<code class=\"language-c%s\">%d</code>", other, number),
               arena_printf(arena, "%d", number));
    check_html(arena, html_printf(arena, "<pre>%*s|%-8s</pre>", width, text, other), NULL);
    check_html(arena, html_printf(arena, "<blockquote>%.*s</blockquote>%.3s", cut, text, other),
               NULL);
    check_html(arena, html_printf(arena, "%c%5.1f%%%#x", number % 95 + 32, number / 7.0, number),
               arena_printf(arena, "%c%5.1f%%%#x", number % 95 + 32, number / 7.0, number));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *zero = size ? memchr(bytes, '\0', size) : NULL;
    size_t first = zero ? (size_t)(zero - bytes) : size, rest = zero ? size - first - 1 : 0;
    struct arena arena = {0};
    int number = 0;

    memcpy(&number, data, size < sizeof number ? size : sizeof number);
    const char *text = utf8_repair(&arena, bytes, first, NULL);
    const char *other = utf8_repair(&arena, zero ? zero + 1 : "", rest, NULL);
    insert(&arena, text, other, number & 0x7fffffff);
    arena_clear(&arena);
    return 0;
}
