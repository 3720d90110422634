/*
 * A disk that fails to order: SQLite's own access to files, with calls that fail in between. What is
 * to be written when it fails is written in half, as on a disk that is full.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum flaky_call {
    FLAKY_NONE,
    FLAKY_OPEN,
    FLAKY_READ,
    FLAKY_WRITE,
    FLAKY_SYNC,
    FLAKY_TRUNCATE,
    FLAKY_LOCK,
    FLAKY_SHM, /* the shared index of the write-ahead log */
};

/* May be shared with another process; all zero = nothing fails. */
struct flaky {
    _Atomic int32_t call;   /* what fails */
    _Atomic int32_t code;   /* how: SQLITE_FULL, SQLITE_IOERR_WRITE, … */
    _Atomic int32_t after;  /* so many calls first that work */
    _Atomic int32_t count;  /* then so many that do not; negative = all */
    _Atomic int32_t failed; /* how many have */
};

/* From now on databases are opened on it. Returns 0 or -1. */
int flaky_install(struct flaky *flaky);
