/* For cmocka: *state is a struct arena of the test's own. Test files are one program each. */
#pragma once

#include <cmocka.h>

#include "host/core/arena.h"

static int arena_setup(void **state)
{
    *state = test_calloc(1, sizeof(struct arena));
    return 0;
}

static int arena_teardown(void **state)
{
    arena_clear(*state);
    test_free(*state);
    return 0;
}
