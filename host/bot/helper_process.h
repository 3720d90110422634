/*
 * Helper processes from the host's side: started, watched, killed at their deadline, and always
 * collected. What happens inside of them is in host/helper.c.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>
#include <aisha/helper.h>

struct arena;
struct helper_pool;
struct loop;

/* program is the path of this executable, borrowed: it is run again as `program helper …`. At most
 * one helper for each core runs at a time, but two on a single core; further ones wait in order. */
AISHA_CHECKED int helper_pool_new(struct helper_pool **ret_pool, struct loop *loop,
                                  const char *program);

/* NULL is fine. No task may be in helper_process_run(). */
void helper_pool_free(struct helper_pool *pool);

/*
 * aisha_run_helper() for the function that the plugin at path object calls name, or with the name ""
 * for the aisha_helper_run() that object exports.
 */
AISHA_ASYNC AISHA_CHECKED int helper_process_run(struct helper_pool *pool, struct arena *arena,
                                                 const char *object, const char *name,
                                                 const struct aisha_helper_request *request,
                                                 const struct aisha_helper_result **ret_result);

/* ---- what the two sides agree on ---- */

enum {
    HELPER_REPORT_FD = 3,
    HELPER_MAGIC = 0x41697368,
};

/* The command line behind the program's name; numbers are decimal. */
enum helper_arg {
    HELPER_ARG_COMMAND, /* "helper" */
    HELPER_ARG_PARENT,  /* process id of the host */
    HELPER_ARG_OBJECT,
    HELPER_ARG_NAME,
    HELPER_ARG_CPU_S,
    HELPER_ARG_OUTPUT_BYTES,
    HELPER_ARG_MEMORY_BYTES,
    HELPER_ARG_TEXT,
    HELPER_ARG_COUNT,
};

/* Written once to HELPER_REPORT_FD; small enough for a pipe to take it in one piece. */
struct helper_report {
    uint32_t magic;
    int32_t result;
    char error[512];
    char text[1024];
};
