/*
 * A process that works on a stranger's file. It starts with four descriptors and no environment,
 * takes limits upon itself, loads the code it is to run, locks everything else away with seccomp,
 * and only then looks at its input. It leaves by _exit(): nothing that the input may have touched
 * runs afterwards.
 */
#include "host/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <seccomp.h>

#include <aisha/error.h>
#include <aisha/helper.h>
#include <aisha/plugin.h>

#include "host/bot/helper_process.h"
#include "host/core/sanitizer.h"

enum { NICENESS = 10 };

/* A sanitizer's runtime needs shadow memory, a thread, /proc/self/maps and a symbolizer of its own.
 * Built with one, a helper has no memory limit, and what it may not do fails instead of killing. */
static const bool is_sanitized = AISHA_ASAN || AISHA_TSAN;

int aisha_helper_fail(struct aisha_helper *helper, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(helper->error, helper->error_size, format, args);
    va_end(args);
    return code;
}

void aisha_helper_report(struct aisha_helper *helper, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(helper->report, helper->report_size, format, args);
    va_end(args);
}

/* ---- limits ---- */

static int64_t number_of(const char *text)
{
    return strtoll(text, NULL, 10);
}

static int limit(enum __rlimit_resource resource, int64_t value)
{
    const struct rlimit both = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

    return setrlimit(resource, &both) < 0 ? -errno : 0;
}

/* SIGXCPU at the soft limit tells the parent why; SIGKILL follows at the hard one. */
static int limit_cpu(int64_t seconds)
{
    const struct rlimit cpu = {.rlim_cur = (rlim_t)seconds, .rlim_max = (rlim_t)seconds + 1};

    return setrlimit(RLIMIT_CPU, &cpu) < 0 ? -errno : 0;
}

/* The address space in use, in bytes; 0 when unknown. */
static int64_t mapped_bytes(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 ? number_of(text) * sysconf(_SC_PAGESIZE) : 0;
}

static int limit_first(char **argv)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (getppid() != number_of(argv[HELPER_ARG_PARENT])) /* it died before it could be noticed */
        return -AISHA_E_CANCELED;
    if (setpriority(PRIO_PROCESS, 0, NICENESS) < 0)
        return -errno;
    int r = limit(RLIMIT_CORE, 0);
    if (r == 0)
        r = limit_cpu(number_of(argv[HELPER_ARG_CPU_S]));
    return r < 0 ? r : limit(RLIMIT_FSIZE, number_of(argv[HELPER_ARG_OUTPUT_BYTES]));
}

/* After loading, which needs descriptors and maps as much as the libraries are large. */
static int limit_rest(char **argv)
{
    if (is_sanitized)
        return 0;
    int r = limit(RLIMIT_AS, mapped_bytes() + number_of(argv[HELPER_ARG_MEMORY_BYTES]));
    return r < 0 ? r : limit(RLIMIT_NOFILE, HELPER_REPORT_FD + 1);
}

/* ---- system calls ---- */

/* What a decoder needs: its files, memory, the time, and an end. */
static const int allowed_calls[] = {
    SCMP_SYS(brk),          SCMP_SYS(clock_getres),   SCMP_SYS(clock_gettime),
    SCMP_SYS(close),        SCMP_SYS(exit),           SCMP_SYS(exit_group),
    SCMP_SYS(fdatasync),    SCMP_SYS(fstat),          SCMP_SYS(fsync),
    SCMP_SYS(ftruncate),    SCMP_SYS(futex),          SCMP_SYS(getpid),
    SCMP_SYS(getrandom),    SCMP_SYS(gettid),         SCMP_SYS(gettimeofday),
    SCMP_SYS(lseek),        SCMP_SYS(madvise),        SCMP_SYS(mremap),
    SCMP_SYS(munmap),       SCMP_SYS(pread64),        SCMP_SYS(pwrite64),
    SCMP_SYS(read),         SCMP_SYS(readv),          SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),  SCMP_SYS(time),           SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* What libraries try on the way and do without. Everything else ends the process. */
static const int refused_calls[] = {
    SCMP_SYS(access),    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getcwd),
    SCMP_SYS(getrusage), SCMP_SYS(ioctl),     SCMP_SYS(open),       SCMP_SYS(openat),
    SCMP_SYS(prctl),     SCMP_SYS(readlink),  SCMP_SYS(readlinkat), SCMP_SYS(rt_sigaction),
    SCMP_SYS(stat),      SCMP_SYS(statx),     SCMP_SYS(sysinfo),    SCMP_SYS(uname),
};

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = seccomp_rule_add(filter, action, calls[i], 0);
    return r;
}

/* Calls that depend on an argument: memory is never executable and maps no file; newfstatat() without
 * a path is how fstat() is done today; abort() sends itself a signal. */
static int add_conditions(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp not_executable = SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp anonymous =
        SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
    const struct scmp_arg_cmp no_path = SCMP_A3_64(SCMP_CMP_EQ, AT_EMPTY_PATH);
    const struct scmp_arg_cmp get_flags = SCMP_A1_64(SCMP_CMP_EQ, F_GETFL);
    const struct scmp_arg_cmp own_process = SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid());

    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, not_executable, anonymous);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, no_path);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, get_flags);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, own_process);
    return r;
}

static int lock_away(void)
{
    scmp_filter_ctx filter =
        seccomp_init(is_sanitized ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);

    if (!filter)
        return -ENOMEM;
    int r = add_calls(filter, SCMP_ACT_ALLOW, allowed_calls,
                      sizeof allowed_calls / sizeof *allowed_calls);
    if (r == 0)
        r = add_conditions(filter);
    if (r == 0 && !is_sanitized) /* there, this is the default */
        r = add_calls(filter, SCMP_ACT_ERRNO(EPERM), refused_calls,
                      sizeof refused_calls / sizeof *refused_calls);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

/* ---- the function ---- */

static aisha_helper_fn *find_row(const struct aisha_plugin *plugin, const char *name)
{
    size_t known = offsetof(struct aisha_plugin, helpers) + sizeof plugin->helpers;

    if (!plugin || plugin->abi != AISHA_ABI || plugin->size < known)
        return NULL;
    const char *rows = (const char *)plugin->helpers.rows;
    for (size_t i = 0; i < plugin->helpers.count; i++) {
        const struct aisha_helper_row *row = (const void *)(rows + i * plugin->helpers.row_size);
        if (strcmp(row->name, name) == 0)
            return row->run;
    }
    return NULL;
}

static int load(const char *object, const char *name, struct aisha_helper *helper,
                aisha_helper_fn **ret_run)
{
    void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    aisha_helper_fn *run;

    if (!handle)
        return aisha_helper_fail(helper, -ENOEXEC, "%s", dlerror());
    if (*name) {
        run = find_row(dlsym(handle, "aisha_plugin"), name);
    } else {
        void *symbol = dlsym(handle, "aisha_helper_run");
        memcpy(&run, &symbol, sizeof run); /* ISO C has no cast from data to code */
    }
    if (!run)
        return aisha_helper_fail(helper, -AISHA_E_NOT_FOUND, "%s has no helper \"%s\"", object,
                                 name);
    *ret_run = run;
    return 0;
}

static int prepare(char **argv, struct aisha_helper *helper, aisha_helper_fn **ret_run)
{
    int r = limit_first(argv);
    if (r < 0)
        return aisha_helper_fail(helper, r, "limits: %s", aisha_error_text(r));
    r = load(argv[HELPER_ARG_OBJECT], argv[HELPER_ARG_NAME], helper, ret_run);
    if (r < 0)
        return r;
    r = limit_rest(argv);
    if (r == 0)
        r = lock_away();
    return r < 0 ? aisha_helper_fail(helper, r, "confinement: %s", aisha_error_text(r)) : 0;
}

int helper_main(int argc, char **argv)
{
    static struct helper_report report = {.magic = HELPER_MAGIC};
    struct aisha_helper helper = {.size = sizeof helper,
                                  .input_fd = STDIN_FILENO,
                                  .output_fd = STDOUT_FILENO,
                                  .error = report.error,
                                  .error_size = sizeof report.error,
                                  .report = report.text,
                                  .report_size = sizeof report.text};
    aisha_helper_fn *run = NULL;

    if (argc != HELPER_ARG_COUNT) {
        fputs("helper: this command is for the host itself\n", stderr);
        return EXIT_FAILURE;
    }
    helper.args = argv[HELPER_ARG_TEXT];
    report.result = prepare(argv, &helper, &run);
    if (report.result == 0)
        report.result = run(&helper);
    bool is_said = write(HELPER_REPORT_FD, &report, sizeof report) == sizeof report;
    _exit(is_said ? EXIT_SUCCESS : EXIT_FAILURE);
}
