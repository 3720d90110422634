/*
 * Hostile or long CPU work in a process of its own: decoding a file that a stranger sent.
 *
 * The process has no token, key, database, network or environment of the host: an input it can
 * read, an output it can write, memory and time limits. It can crash, hang or be taken over
 * without the bot noticing more than a failed call.
 *
 * A plugin declares its helpers in `.helpers`. The function is either in the plugin itself (.run),
 * or in an object beside it (.object, a file name without ".so" that exports aisha_helper_run), so
 * that heavy libraries are never loaded into the host.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

/* What the helper process works with. Both files can be seeked. */
struct aisha_helper {
    size_t size;
    int input_fd;     /* read only */
    int output_fd;    /* empty at first, limited to the caller's max_output_bytes */
    const char *args; /* the caller's text, "" when it gave none */
    char *error;      /* filled by aisha_helper_fail() */
    size_t error_size;
    char *report; /* filled by aisha_helper_report() */
    size_t report_size;
};

/* Returns 0, or a negative code. */
typedef int aisha_helper_fn(struct aisha_helper *helper);

/* What an .object exports. */
AISHA_PUBLIC int aisha_helper_run(struct aisha_helper *helper);

/* In the helper: says why it failed, in English, for the log. Returns code. */
AISHA_PUBLIC int aisha_helper_fail(struct aisha_helper *helper, int code, const char *format, ...)
    AISHA_PRINTF(3, 4);

/* In the helper: what the caller should know besides the output, up to 1 KiB of text. The last one
 * counts. */
AISHA_PUBLIC void aisha_helper_report(struct aisha_helper *helper, const char *format, ...)
    AISHA_PRINTF(2, 3);

struct aisha_helper_request {
    size_t size;
    const char *name;       /* a row of the plugin's .helpers */
    const char *args;       /* up to 4 KiB of text */
    const char *input_path; /* a file, or input below */
    const void *input;
    size_t input_size;
    const char *output_path;  /* a new file, removed again when the helper fails; NULL = none */
    int64_t timeout_ms;       /* killed after it; 0 = 30 s */
    int64_t max_output_bytes; /* 0 = 64 MiB */
    int64_t max_memory_bytes; /* beyond code and libraries; 0 = 512 MiB */
};

struct aisha_helper_result {
    size_t size;
    int64_t output_size;
    const char *error;  /* why it failed, "" when it did not; lives as long as ctx */
    const char *report; /* what the helper reported, "" when it failed; to be read with mistrust: an
                           input that took the helper over can have written it */
};

/*
 * Runs the helper and waits for its end. 0 when its function returned 0; its own negative result
 * when it failed in an orderly way; -AISHA_E_TIMEOUT when it was killed at its deadline;
 * -AISHA_E_CANCELED (also killed); -AISHA_E_LIMIT for a file over max_output_bytes; -AISHA_E_INVALID
 * when it crashed or broke out of its limits: the input is not worth another try. ret_result may be
 * NULL and is set in every case but -AISHA_E_CANCELED.
 */
#define aisha_run_helper(ctx, ret_result, ...)                                                     \
    aisha_run_helper_((ctx), (ret_result),                                                         \
                      &(const struct aisha_helper_request){                                        \
                          .size = sizeof(struct aisha_helper_request), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_run_helper_(struct aisha_ctx *ctx, const struct aisha_helper_result **ret_result,
                  const struct aisha_helper_request *request);
