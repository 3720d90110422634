/*
 * Statements that outlive the expression that made them: their parameters are copied into an arena.
 */
#pragma once

#include <aisha/db.h>

#include "host/core/arena.h"

#define STATEMENT(arena, sql_text, ...)                                                            \
    ((struct aisha_statement){                                                                     \
        .sql = (sql_text),                                                                         \
        .params = arena_memdup((arena), AISHA_SQL(sql_text, __VA_ARGS__).params,                   \
                               AISHA_COUNT(__VA_ARGS__) * sizeof(struct aisha_value)),             \
        .param_count = AISHA_COUNT(__VA_ARGS__)})
