/*
 * Texts on their way to Telegram: what is valid is split into valid parts, none too long, and nothing
 * gets lost.
 */
#include <assert.h>
#include <string.h>

#include "host/bot/html.h"
#include "host/bot/split.h"
#include "tests/fuzz/fuzz.h"

enum { SMALL_LIMIT = 16 };

static void check_parts(struct arena *arena, const char *text, enum split_format format,
                        size_t limit)
{
    const char *const *parts = split_text(arena, text, format, limit);

    for (; *parts; parts++) {
        assert(utf8_is_valid(*parts, strlen(*parts)));
        assert(split_length(*parts, format) <= limit);
        if (format == SPLIT_HTML)
            assert(!html_check(arena, *parts));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    const char *text = utf8_repair(&arena, (const char *)data, size, NULL);
    const char *escaped = html_escape(&arena, text);

    assert(utf8_is_valid(text, strlen(text)));
    assert(!html_check(&arena, escaped));
    assert(strcmp(html_to_plain(&arena, escaped), text) == 0);
    check_parts(&arena, text, SPLIT_PLAIN, SMALL_LIMIT);
    check_parts(&arena, escaped, SPLIT_HTML, SMALL_LIMIT);
    if (!html_check(&arena, text))
        check_parts(&arena, text, SPLIT_HTML, SMALL_LIMIT);
    arena_clear(&arena);
    return 0;
}
