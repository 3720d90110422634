/*
 * Attributes that every SDK header uses. Needs nothing but the compiler.
 */
#pragma once

/* A function that may suspend its coroutine. Between two such calls a handler is atomic. */
#define AISHA_ASYNC

/* Exported from the host to plugins; everything else is hidden. */
#define AISHA_PUBLIC __attribute__((visibility("default")))

/* The result is an error code: ignoring it is a warning, and so an error in our builds. */
#define AISHA_CHECKED __attribute__((warn_unused_result))

/* Runs fn(&variable) when the variable leaves its scope. */
#define AISHA_CLEANUP(fn) __attribute__((cleanup(fn)))

/* The arguments are those of printf; the compiler checks them. */
#define AISHA_PRINTF(format_index, first_index)                                                    \
    __attribute__((format(printf, format_index, first_index)))

/* Says in the code that a result is dropped on purpose. */
#define aisha_ignore(call)                                                                         \
    do {                                                                                           \
        if (call) {                                                                                \
        }                                                                                          \
    } while (0)
