/* Pages of a list: always within it, however wrong or old the asked page is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <aisha/list.h>

#include "host/bot/ctx.h"
#include "host/core/arena.h"

static void every_page_lies_within_the_list(void **state)
{
    static const struct {
        int64_t items;
        int32_t per_page, page; /* asked */
        int32_t got, pages;     /* expected */
        int64_t offset;
    } cases[] = {
        {0, 5, 0, 0, 1, 0},
        {0, 5, 9, 0, 1, 0},
        {-3, 5, 1, 0, 1, 0},
        {1, 5, 0, 0, 1, 0},
        {5, 5, 1, 0, 1, 0},
        {6, 5, 1, 1, 2, 5},
        {23, 5, 4, 4, 5, 20},
        {23, 5, 5, 4, 5, 20},
        {23, 5, INT32_MAX, 4, 5, 20},
        {23, 5, -1, 0, 5, 0},
        {23, 5, INT32_MIN, 0, 5, 0},
        {3, 0, 1, 1, 3, 1}, /* no size is a size of one */
        {3, -7, 2, 2, 3, 2},
        {INT64_MAX, 1, INT32_MAX, INT32_MAX - 1, INT32_MAX, INT32_MAX - 1},
        {INT64_MAX, INT32_MAX, 2, 2, INT32_MAX, 2 * (int64_t)INT32_MAX},
    };
    struct aisha_ctx ctx = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct aisha_pager *pager =
            aisha_pager(&ctx, cases[i].items, cases[i].per_page, cases[i].page);
        assert_int_equal(pager->size, sizeof *pager);
        assert_int_equal(pager->page, cases[i].got);
        assert_int_equal(pager->page_count, cases[i].pages);
        assert_int_equal(pager->offset, cases[i].offset);
        assert_true(pager->limit >= 1);
    }
    arena_clear(&ctx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_page_lies_within_the_list)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
