#include "package.h"

#include <stdio.h>
#include <string.h>

#include "tariff.h"

enum { PART_SIZE = 16 };

/* The characters up to one of those, which is passed over. */
static bool next_part(const char **at, const char *ends, char ret[PART_SIZE])
{
    size_t length;

    *at += strspn(*at, " \t\r\n");
    length = strcspn(*at, ends);
    if (length == 0 || length >= PART_SIZE)
        return false;
    memcpy(ret, *at, length);
    ret[length] = '\0';
    *at += length;
    return true;
}

static bool read_amount(const char **at, int64_t *ret)
{
    char part[PART_SIZE];

    return next_part(at, " \t\r\n+,", part) && credits_parse(part, ret);
}

static bool read_one(const char **at, struct package *ret)
{
    char word[PART_SIZE];

    *ret = (struct package){0};
    if (!read_amount(at, &ret->credits))
        return false;
    if (**at == '+') {
        (*at)++;
        if (!read_amount(at, &ret->bonus))
            return false;
    }
    if (!next_part(at, " \t\r\n,", word) || strcmp(word, "for") != 0 ||
        !read_amount(at, &ret->price))
        return false;
    *at += strspn(*at, " \t\r\n");
    if (**at == ',')
        (*at)++;
    else if (**at)
        return false;
    return ret->credits > 0 && ret->price > 0;
}

bool packages_read(const char *list, struct package ret[MAX_PACKAGES], size_t *ret_count)
{
    size_t count = 0;

    for (list += strspn(list, " \t\r\n"); *list; count++)
        if (count == MAX_PACKAGES || !read_one(&list, &ret[count]))
            return false;
    *ret_count = count;
    return true;
}
