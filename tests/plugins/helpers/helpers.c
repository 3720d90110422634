/*
 * A plugin whose helpers do what helpers should and should not do. Those that try what is forbidden
 * return 0 when they got away with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aisha/error.h>
#include <aisha/helper.h>
#include <aisha/plugin.h>

static int copy(struct aisha_helper *helper)
{
    char block[4096];
    ssize_t size;

    while ((size = read(helper->input_fd, block, sizeof block)) > 0)
        if (write(helper->output_fd, block, (size_t)size) != size)
            return aisha_helper_fail(helper, -EIO, "cannot write");
    if (lseek(helper->input_fd, 0, SEEK_SET) < 0 || lseek(helper->output_fd, 0, SEEK_SET) < 0)
        return aisha_helper_fail(helper, -EIO, "cannot seek");
    aisha_helper_report(helper, "args=%s", helper->args);
    return 0;
}

static int refuse(struct aisha_helper *helper)
{
    aisha_ignore(write(helper->output_fd, "half", 4) != 4);
    return aisha_helper_fail(helper, -AISHA_E_NOT_FOUND, "there is no %s in it", "sound");
}

static int crash(struct aisha_helper *helper)
{
    (void)helper;
    raise(SIGSEGV); /* seccomp refuses it: no helper sends signals */
    *(volatile char *)(uintptr_t)helper->size = 1;
    return 0;
}

static int spin(struct aisha_helper *helper)
{
    volatile const struct aisha_helper *same = helper;

    while (same->size != 0)
        ;
    return 0;
}

static int leave(struct aisha_helper *helper)
{
    (void)helper;
    _exit(0);
}

static int open_file(struct aisha_helper *helper)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    return fd < 0 ? aisha_helper_fail(helper, -errno, "open: %s", strerror(errno)) : 0;
}

static int open_socket(struct aisha_helper *helper)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? aisha_helper_fail(helper, -errno, "socket: %s", strerror(errno)) : 0;
}

static int start_process(struct aisha_helper *helper)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid < 0 ? aisha_helper_fail(helper, -errno, "fork: %s", strerror(errno)) : 0;
}

static int kill_parent(struct aisha_helper *helper)
{
    return kill(getppid(), 0) < 0 ? aisha_helper_fail(helper, -errno, "kill") : 0;
}

static int map_code(struct aisha_helper *helper)
{
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return code == MAP_FAILED ? aisha_helper_fail(helper, -errno, "mmap") : 0;
}

static int protect_memory(struct aisha_helper *helper)
{
    void *memory = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory, 1 << 20, PROT_READ | PROT_WRITE) < 0)
        return aisha_helper_fail(helper, -errno, "memory: %s", strerror(errno));
    memset(memory, 1, 1 << 20);
    return 0;
}

static int flood(struct aisha_helper *helper)
{
    static const char block[65536];

    for (int i = 0; i < 1024; i++)
        if (write(helper->output_fd, block, sizeof block) < 0)
            return aisha_helper_fail(helper, -errno, "write");
    return 0;
}

static int hog(struct aisha_helper *helper)
{
    for (int i = 0; i < 1024; i++) {
        char *block = malloc(1 << 20);
        if (!block)
            return aisha_helper_fail(helper, -ENOMEM, "no memory after %d MiB", i);
        memset(block, 'x', 1 << 20);
        if (block[i] != 'x')
            return 0;
    }
    return 0;
}

static int count_descriptors(struct aisha_helper *helper)
{
    int count = 0;
    struct stat info;

    for (int fd = 0; fd < 1024; fd++)
        count += fstat(fd, &info) == 0;
    aisha_helper_report(helper, "%d", count);
    return 0;
}

static int show_environment(struct aisha_helper *helper)
{
    for (char **entry = environ; *entry; entry++)
        if (!strstr(*entry, "SAN_OPTIONS="))
            aisha_ignore(dprintf(helper->output_fd, "%s\n", *entry) < 0);
    return 0;
}

static int cancel_caller(struct aisha_helper *helper)
{
    return aisha_helper_fail(helper, -AISHA_E_CANCELED, "let us see who believes it");
}

static const struct aisha_helper_row helpers[] = {
    {.name = "copy", .run = copy},
    {.name = "refuse", .run = refuse},
    {.name = "crash", .run = crash},
    {.name = "spin", .run = spin},
    {.name = "leave", .run = leave},
    {.name = "open_file", .run = open_file},
    {.name = "open_socket", .run = open_socket},
    {.name = "start_process", .run = start_process},
    {.name = "kill_parent", .run = kill_parent},
    {.name = "map_code", .run = map_code},
    {.name = "protect_memory", .run = protect_memory},
    {.name = "flood", .run = flood},
    {.name = "hog", .run = hog},
    {.name = "count_descriptors", .run = count_descriptors},
    {.name = "show_environment", .run = show_environment},
    {.name = "cancel_caller", .run = cancel_caller},
};

AISHA_PLUGIN(.name = "helpers", .version = "1", .helpers = AISHA_TABLE(helpers))
