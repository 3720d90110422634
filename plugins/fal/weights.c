#include "weights.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* The largest end of a tensor: [begin,end] behind each "data_offsets". -1 when one cannot be read. */
static int64_t data_end(const char *head, size_t size)
{
    static const char key[] = "\"data_offsets\"";
    const char *at = head, *end = head + size;
    int64_t most = 0;

    while ((at = memmem(at, (size_t)(end - at), key, strlen(key)))) {
        int64_t numbers[2] = {0};
        size_t n = 0;
        at += strlen(key);
        for (; at < end && n < 2 && *at != '}'; at++) {
            if (isdigit((unsigned char)*at)) {
                if (numbers[n] > INT64_MAX / 20)
                    return -1;
                numbers[n] = numbers[n] * 10 + (*at - '0');
            } else if (*at == ',' || *at == ']') {
                n++;
            }
        }
        if (n != 2 || numbers[0] > numbers[1])
            return -1;
        most = numbers[1] > most ? numbers[1] : most;
    }
    return most;
}

bool weights_are_whole(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t head = 0;

    if (size < 16)
        return false;
    for (int i = 7; i >= 0; i--)
        head = head << 8 | at[i];
    if (head < 2 || head > size - 8 || at[8] != '{')
        return false;
    int64_t data = data_end((const char *)at + 8, (size_t)head);
    return data > 0 && (uint64_t)data == size - 8 - head;
}
