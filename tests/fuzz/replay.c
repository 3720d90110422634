/* Runs a fuzz target on the files it is given: the corpus as an ordinary test. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
        return -1;
    rewind(file);
    data = malloc(size ? (size_t)size : 1); /* no longer than that, for a sanitizer's sake */
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        return -1;
    fclose(file);
    int r = LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return r;
}

int main(int argc, char **argv)
{
    int failed = 0;

    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        int r = replay(argv[i]);
        printf("%s %d - %s\n", r == 0 ? "ok" : "not ok", i, argv[i]);
        failed += r != 0;
    }
    return failed > 0;
}
