/*
 * What the log has of a statement that went wrong, the same for every database: who ran it, what is
 * wrong, and how it begins. Never its parameters: they may be private.
 */
#pragma once

#include <aisha/base.h>

struct loop;

/* The name of the task that runs now, which tells plugin, handler and update; as long as that waits.
 * NULL outside of any. */
const char *sql_log_who(const struct loop *loop);

/* One line; who NULL = the host itself. From any thread. */
void sql_log(const char *who, const char *sql, const char *format, ...) AISHA_PRINTF(3, 4);
