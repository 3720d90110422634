/*
 * The child is spawned with nothing but four descriptors: input, output, a null device and a pipe
 * for its report, and confines itself before it touches the input. Its end is noticed by its pidfd,
 * so neither signal handlers nor threads are involved; whatever ends the wait, it is killed and
 * collected before the call returns. Nothing that it wrote is believed without a check.
 */
#include "host/bot/helper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/sanitizer.h"
#include "host/core/slots.h"
#include "host/core/wait.h"

enum {
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    SPARE_CPU_S = 2, /* the deadline should come first */
    MAX_ARGS_BYTES = 4096,
    FIRST_FREE_FD = 10, /* above those that the child will have */
};

static const int64_t default_output_bytes = INT64_C(64) << 20;
static const int64_t default_memory_bytes = INT64_C(512) << 20;

struct helper_pool {
    struct loop *loop;
    const char *program;
    struct slots slots;
};

struct child {
    pid_t pid;
    int input_fd, output_fd, null_fd;
    int report_fd, report_write_fd;
    int pidfd;
    bool is_output_made;
};

int helper_pool_new(struct helper_pool **ret_pool, struct loop *loop, const char *program)
{
    struct helper_pool *pool = calloc(1, sizeof *pool);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (!pool)
        return -ENOMEM;
    pool->loop = loop;
    pool->program = program;
    slots_init(&pool->slots, loop, cores > 2 ? (unsigned)cores : 2);
    *ret_pool = pool;
    return 0;
}

void helper_pool_free(struct helper_pool *pool)
{
    free(pool);
}

/* ---- what the child is given ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Out of the way of the numbers that the child's descriptors get. */
static int raise_fd(int *fd)
{
    if (*fd < 0)
        return -errno;
    int raised = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int r = raised < 0 ? -errno : 0;
    close(*fd);
    *fd = raised;
    return r;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int open_bytes(struct child *child, const void *bytes, size_t size)
{
    child->input_fd = memfd_create("helper-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = raise_fd(&child->input_fd);
    if (r == 0)
        r = write_all(child->input_fd, bytes, size);
    if (r == 0 && (lseek(child->input_fd, 0, SEEK_SET) < 0 ||
                   fcntl(child->input_fd, F_ADD_SEALS,
                         F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0))
        r = -errno;
    return r;
}

static int open_input(struct child *child, const struct aisha_helper_request *request)
{
    struct stat info;

    if (!request->input_path)
        return open_bytes(child, request->input, request->input_size);
    child->input_fd = open(request->input_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int r = raise_fd(&child->input_fd);
    if (r == 0 && fstat(child->input_fd, &info) < 0)
        r = -errno;
    if (r == 0 && !S_ISREG(info.st_mode))
        r = -AISHA_E_INVALID;
    return r;
}

static int open_output(struct child *child, const struct aisha_helper_request *request)
{
    if (request->output_path)
        child->output_fd =
            open(request->output_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    else
        child->output_fd = memfd_create("helper-output", MFD_CLOEXEC);
    child->is_output_made = request->output_path && child->output_fd >= 0;
    return raise_fd(&child->output_fd);
}

static int open_pipe(struct child *child)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    child->report_fd = ends[0];
    child->report_write_fd = ends[1];
    return raise_fd(&child->report_write_fd);
}

static int open_all(struct child *child, const struct aisha_helper_request *request)
{
    int r = open_input(child, request);
    if (r == 0)
        r = open_pipe(child);
    if (r == 0) {
        /* Sanitizers should be heard. */
        child->null_fd =
            AISHA_ASAN || AISHA_TSAN ? dup(STDERR_FILENO) : open("/dev/null", O_WRONLY | O_CLOEXEC);
        r = raise_fd(&child->null_fd);
    }
    return r < 0 ? r : open_output(child, request);
}

/* ---- starting and ending it ---- */

/* The environment of the host is full of secrets; sanitizers need their settings. */
static void fill_environment(char **env, size_t count)
{
    static char lang[] = "LANG=C";
    size_t used = 0;

    env[used++] = lang;
    if (AISHA_ASAN || AISHA_TSAN)
        for (char **entry = environ; *entry && used + 1 < count; entry++)
            if (strstr(*entry, "SAN_OPTIONS="))
                env[used++] = *entry;
    env[used] = NULL;
}

static int spawn_prepared(struct child *child, const char *program, char *const argv[],
                          posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    char *env[8];

    fill_environment(env, sizeof env / sizeof *env);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
    int r = posix_spawn_file_actions_adddup2(actions, child->input_fd, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, child->output_fd, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, child->null_fd, STDERR_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, child->report_write_fd, HELPER_REPORT_FD);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(actions, HELPER_REPORT_FD + 1);
    return r ? -r : -posix_spawn(&child->pid, program, actions, attributes, argv, env);
}

static int spawn(struct child *child, const char *program, char *const argv[])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int r = -posix_spawn_file_actions_init(&actions);
    if (r < 0)
        return r;
    r = -posix_spawnattr_init(&attributes);
    if (r == 0) {
        r = spawn_prepared(child, program, argv, &actions, &attributes);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (r < 0)
        return r;
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd >= 0)
        return 0;
    r = -errno;
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    return r;
}

static int start(struct child *child, struct helper_pool *pool, struct arena *arena,
                 const char *object, const char *name, const struct aisha_helper_request *request)
{
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
    int64_t output =
        request->max_output_bytes > 0 ? request->max_output_bytes : default_output_bytes;
    int64_t memory =
        request->max_memory_bytes > 0 ? request->max_memory_bytes : default_memory_bytes;
    const char *text = request->args ? request->args : "";
    char *argv[] = {
        [0] = arena_strdup(arena, pool->program),
        [1 + HELPER_ARG_COMMAND] = arena_strdup(arena, "helper"),
        [1 + HELPER_ARG_PARENT] = arena_printf(arena, "%d", (int)getpid()),
        [1 + HELPER_ARG_OBJECT] = arena_strdup(arena, object),
        [1 + HELPER_ARG_NAME] = arena_strdup(arena, name),
        [1 + HELPER_ARG_CPU_S] = arena_printf(arena, "%" PRId64, timeout_ms / 1000 + SPARE_CPU_S),
        [1 + HELPER_ARG_OUTPUT_BYTES] = arena_printf(arena, "%" PRId64, output),
        [1 + HELPER_ARG_MEMORY_BYTES] = arena_printf(arena, "%" PRId64, memory),
        [1 + HELPER_ARG_TEXT] = arena_strdup(arena, text),
        [1 + HELPER_ARG_COUNT] = NULL,
    };

    if (strlen(text) > MAX_ARGS_BYTES)
        return -AISHA_E_INVALID;
    int r = open_all(child, request);
    if (r == 0)
        r = spawn(child, pool->program, argv);
    close_fd(&child->report_write_fd); /* the other end is the child's alone */
    return r;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    wait_wake(arg, 0);
}

/* Waits for the child's end, or brings it about. Returns 0, -AISHA_E_TIMEOUT or -AISHA_E_CANCELED. */
static AISHA_ASYNC int collect(const struct child *child, struct loop *loop, int64_t timeout_ms,
                               siginfo_t *ret_end)
{
    struct wait ended, killed;

    wait_init(&ended, loop);
    struct event *event = event_new(loop_base(loop), child->pidfd, EV_READ, on_end, &ended);
    if (!event || event_add(event, NULL) < 0)
        abort(); /* no memory */
    int r = wait_for(&ended, timeout_ms);
    if (r < 0) {
        kill(child->pid, SIGKILL);
        wait_init(&killed, loop);
        event_del(event);
        event_assign(event, loop_base(loop), child->pidfd, EV_READ, on_end, &killed);
        event_add(event, NULL);
        aisha_ignore(wait_for_uncancelled(&killed, WAIT_FOREVER));
    }
    event_free(event);
    while (waitid(P_PID, (id_t)child->pid, ret_end, WEXITED) < 0 && errno == EINTR)
        ;
    return r;
}

/* ---- what came of it ---- */

static int judge_signal(struct arena *arena, int number, struct aisha_helper_result *result)
{
    switch (number) {
    case SIGXFSZ:
        result->error = "its output is too large";
        return -AISHA_E_LIMIT;
    case SIGXCPU:
        result->error = "it used more processor time than allowed";
        return -AISHA_E_TIMEOUT;
    case SIGSYS:
        result->error = "it made a system call that it may not make";
        return -AISHA_E_INVALID;
    default:
        result->error = arena_printf(arena, "it crashed: %s", sigdescr_np(number));
        return -AISHA_E_INVALID;
    }
}

static int judge_report(const struct child *child, struct arena *arena,
                        struct aisha_helper_result *result)
{
    struct helper_report report;

    if (read(child->report_fd, &report, sizeof report) != sizeof report ||
        report.magic != HELPER_MAGIC) {
        result->error = "it ended without a result";
        return -AISHA_E_INVALID;
    }
    result->error = arena_strndup(arena, report.error, sizeof report.error - 1);
    if (report.result == 0) {
        result->report = arena_strndup(arena, report.text, sizeof report.text - 1);
        return 0;
    }
    if (!*result->error)
        result->error = aisha_error_text(report.result < 0 ? report.result : -AISHA_E_INVALID);
    /* The two codes that speak of the caller are not the helper's to give. */
    if (report.result > 0 || report.result == -AISHA_E_CANCELED ||
        report.result == -AISHA_E_TIMEOUT)
        return -AISHA_E_INVALID;
    return report.result == -EFBIG ? -AISHA_E_LIMIT : report.result;
}

static int judge(const struct child *child, struct arena *arena, const siginfo_t *end,
                 struct aisha_helper_result *result)
{
    struct stat info;

    if (end->si_code == CLD_KILLED || end->si_code == CLD_DUMPED)
        return judge_signal(arena, end->si_status, result);
    int r = judge_report(child, arena, result);
    if (r == 0 && fstat(child->output_fd, &info) == 0)
        result->output_size = info.st_size;
    return r;
}

static AISHA_ASYNC int run(struct child *child, struct helper_pool *pool, struct arena *arena,
                           int64_t timeout_ms, struct aisha_helper_result *result)
{
    siginfo_t end = {.si_code = 0};

    int r = collect(child, pool->loop, timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS, &end);
    if (r == -AISHA_E_TIMEOUT)
        result->error = "it did not finish in time";
    return r < 0 ? r : judge(child, arena, &end, result);
}

int helper_process_run(struct helper_pool *pool, struct arena *arena, const char *object,
                       const char *name, const struct aisha_helper_request *request,
                       const struct aisha_helper_result **ret_result)
{
    struct child child = {.input_fd = -1,
                          .output_fd = -1,
                          .null_fd = -1,
                          .report_fd = -1,
                          .report_write_fd = -1,
                          .pidfd = -1};
    struct aisha_helper_result *result = arena_alloc(arena, sizeof *result);

    int r = slots_take(&pool->slots, WAIT_FOREVER);
    if (r < 0)
        return r;
    *result = (struct aisha_helper_result){.size = sizeof *result, .error = "", .report = ""};
    r = start(&child, pool, arena, object, name, request);
    if (r < 0)
        result->error = arena_printf(arena, "it cannot be started: %s", aisha_error_text(r));
    else
        r = run(&child, pool, arena, request->timeout_ms, result);
    slots_give(&pool->slots);
    if (r < 0 && child.is_output_made)
        unlink(request->output_path);
    close_fd(&child.input_fd);
    close_fd(&child.output_fd);
    close_fd(&child.null_fd);
    close_fd(&child.report_fd);
    close_fd(&child.pidfd);
    if (ret_result && r != -AISHA_E_CANCELED)
        *ret_result = result;
    return r;
}
