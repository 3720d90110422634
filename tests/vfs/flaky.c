#include "tests/vfs/flaky.h"

#include <stddef.h>
#include <string.h>

#include <sqlite3.h>

struct flaky_file {
    sqlite3_file base;
    sqlite3_file real[]; /* as large as the real one wants it */
};

static struct flaky *control;
static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct flaky_file *)file)->real;
}

/* How this call fails; SQLITE_OK when it does not. Threads may be here at the same time. */
static int fate(enum flaky_call call)
{
    if (atomic_load(&control->call) != (int32_t)call)
        return SQLITE_OK;
    if (atomic_fetch_sub(&control->after, 1) > 0)
        return SQLITE_OK;
    atomic_store(&control->after, 0);
    int32_t left = atomic_load(&control->count);
    do {
        if (left == 0)
            return SQLITE_OK;
    } while (left > 0 && !atomic_compare_exchange_weak(&control->count, &left, left - 1));
    atomic_fetch_add(&control->failed, 1);
    return atomic_load(&control->code);
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    int code = fate(FLAKY_READ);

    return code ? code : real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    int code = fate(FLAKY_WRITE);
    int written =
        real_of(file)->pMethods->xWrite(real_of(file), bytes, code ? size / 2 : size, offset);

    return code ? code : written;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = fate(FLAKY_TRUNCATE);

    return code ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* Only a power cut would tell whether it was done; without it tests take seconds, not minutes. */
static int file_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return fate(FLAKY_SYNC);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
    int code = fate(FLAKY_LOCK);

    return code ? code : real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    int code = fate(FLAKY_SHM);

    return code ? code : real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int is_deleted)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleted);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without memory-mapped reading */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    int code = fate(FLAKY_OPEN);

    (void)vfs;
    file->pMethods = NULL;
    if (!code)
        code = real_vfs->xOpen(real_vfs, name, real_of(file), flags, ret_flags);
    if (!code)
        file->pMethods = &methods;
    return code;
}

int flaky_install(struct flaky *flaky)
{
    static sqlite3_vfs vfs;

    control = flaky;
    if (real_vfs)
        return 0;
    if (sqlite3_initialize() != SQLITE_OK || !(real_vfs = sqlite3_vfs_find(NULL)))
        return -1;
    vfs = *real_vfs;
    vfs.zName = "flaky";
    vfs.szOsFile = (int)sizeof(struct flaky_file) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.pNext = NULL;
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}
