/*
 * disk: puts the host's database on a disk that fails to order. A test gives the orders in the file
 * named by AISHA_TEST_DISK, which holds a struct flaky.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <aisha/aisha.h>

#include "tests/vfs/flaky.h"

__attribute__((constructor)) static void install(void)
{
    const char *path = getenv("AISHA_TEST_DISK");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        abort();
    void *orders = mmap(NULL, sizeof(struct flaky), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (orders == MAP_FAILED || flaky_install(orders) < 0)
        abort();
}

AISHA_PLUGIN(.name = "disk", .version = "1.0")
