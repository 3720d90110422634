#include "tests/unit/files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int files_setup(void **state)
{
    struct files *f = test_calloc(1, sizeof *f);

    f->problems.arena = &f->arena;
    snprintf(f->directory, sizeof f->directory, "/tmp/aisha-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/file.ini", f->directory);
    *state = f;
    return 0;
}

int files_teardown(void **state)
{
    struct files *f = *state;
    DIR *directory = opendir(f->directory);

    for (struct dirent *entry; (entry = readdir(directory));)
        unlink(files_path(f, entry->d_name));
    closedir(directory);
    assert_int_equal(rmdir(f->directory), 0);
    arena_clear(&f->arena);
    test_free(f);
    return 0;
}

const char *files_path(struct files *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->directory, name);
}

void files_write(struct files *f, const char *name, const char *data, size_t size)
{
    FILE *file = fopen(files_path(f, name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

char *files_report(struct files *f)
{
    size_t prefix = strlen(f->directory) + 1;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    problems_print(&f->problems, file);
    assert_int_equal(fclose(file), 0);
    char *copy = arena_strdup(&f->arena, text);
    free(text);
    for (char *at; (at = strstr(copy, f->directory));)
        memmove(at, at + prefix, strlen(at + prefix) + 1);
    return copy;
}
