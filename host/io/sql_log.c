#include "host/io/sql_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/core/log.h"
#include "host/core/loop.h"

enum { MAX_WHAT_BYTES = 512 };

const char *sql_log_who(const struct loop *loop)
{
    struct task *task = task_current(loop);

    return task ? task_name(task) : NULL;
}

void sql_log(const char *who, const char *sql, const char *format, ...)
{
    char what[MAX_WHAT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    log_warn("db", "%s: %s, in: %.100s", who ? who : "the host", what, sql);
}
