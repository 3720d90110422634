/*
 * $TMPDIR/aisha-PID-random: the number tells whether its owner is still alive.
 */
#include "host/bot/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/arena.h"

static const char *parent_directory(void)
{
    const char *directory = getenv("TMPDIR");

    return directory && *directory ? directory : "/tmp";
}

void temp_close(const char *path)
{
    DIR *directory = path ? opendir(path) : NULL;
    const struct dirent *entry;

    if (!directory)
        return;
    while ((entry = readdir(directory)))
        aisha_ignore(unlinkat(dirfd(directory), entry->d_name, 0)); /* "." and ".." refuse */
    closedir(directory);
    aisha_ignore(rmdir(path));
}

/* A directory of ours whose process is gone. */
static bool is_left_behind(int parent_fd, const char *name)
{
    struct stat info;
    int pid, end = 0;

    if (sscanf(name, "aisha-%d-%n", &pid, &end) != 1 || end == 0 || pid <= 0)
        return false;
    return fstatat(parent_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode) &&
           info.st_uid == geteuid() &&
           (pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH)); /* ours is not made yet */
}

static void remove_left_behind(struct arena *arena)
{
    DIR *parent = opendir(parent_directory());
    const struct dirent *entry;

    if (!parent)
        return;
    while ((entry = readdir(parent)))
        if (is_left_behind(dirfd(parent), entry->d_name))
            temp_close(arena_printf(arena, "%s/%s", parent_directory(), entry->d_name));
    closedir(parent);
}

int temp_open(struct arena *arena, const char **ret_path)
{
    char *path = arena_printf(arena, "%s/aisha-%d-XXXXXX", parent_directory(), (int)getpid());

    remove_left_behind(arena);
    if (!mkdtemp(path))
        return -errno;
    *ret_path = path;
    return 0;
}
