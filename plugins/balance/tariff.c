#include "tariff.h"

#include <string.h>

#include "ledger.h"

enum { WORD_SIZE = 32, SECONDS = 60 };

static const char *const unit_names[] = {
    [TARIFF_WHOLE] = "whole", [TARIFF_ITEM] = "item", [TARIFF_MINUTE] = "minute"};

const char *tariff_unit_name(enum tariff_unit unit)
{
    return unit_names[unit];
}

enum tariff_unit tariff_unit(const char *name)
{
    enum tariff_unit unit = TARIFF_MINUTE;

    while (unit > TARIFF_WHOLE && strcmp(unit_names[unit], name) != 0)
        unit--;
    return unit;
}

bool credits_parse(const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789"), parts = 0;
    const char *rest = text + digits;
    int64_t amount = 0;

    if (digits == 0 || digits > 11)
        return false;
    if (*rest == '.' || *rest == ',') {
        parts = strspn(++rest, "0123456789");
        if (parts == 0 || parts > 2)
            return false;
    }
    if (rest[parts])
        return false;
    for (size_t i = 0; i < digits; i++)
        amount = amount * 10 + (text[i] - '0');
    for (size_t i = 0; i < 2; i++)
        amount = amount * 10 + (i < parts ? rest[i] - '0' : 0);
    if (amount > LEDGER_MAX_AMOUNT)
        return false;
    *ret = amount;
    return true;
}

/* ---- the list ---- */

/* The next word before a comma; false when there is none, or it is too long. */
static bool next_word(const char **at, char ret[WORD_SIZE])
{
    size_t length;

    *at += strspn(*at, " \t\r\n");
    length = strcspn(*at, " \t\r\n,");
    if (length == 0 || length >= WORD_SIZE)
        return false;
    memcpy(ret, *at, length);
    ret[length] = '\0';
    *at += length;
    return true;
}

static bool read_units(const char *word, int64_t *ret)
{
    int64_t hundredths;

    if (!credits_parse(word, &hundredths) || hundredths % CREDIT != 0)
        return false;
    *ret = hundredths / CREDIT;
    return true;
}

/* From a name up to the comma behind it, or to the end. */
static bool read_one(const char **at, char ret_name[WORD_SIZE], struct tariff *ret)
{
    char word[WORD_SIZE];

    *ret = (struct tariff){0};
    if (!next_word(at, ret_name) || !next_word(at, word) || !credits_parse(word, &ret->price))
        return false;
    while (next_word(at, word)) {
        if (strcmp(word, "per") == 0) {
            if (!next_word(at, word))
                return false;
            ret->unit = tariff_unit(word);
            if (ret->unit == TARIFF_WHOLE)
                return false;
        } else if (strcmp(word, "first") == 0) {
            if (!next_word(at, word) || !read_units(word, &ret->free_units) ||
                !next_word(at, word) || strcmp(word, "free") != 0)
                return false;
        } else {
            return false;
        }
    }
    if (**at == ',')
        (*at)++;
    else if (**at)
        return false;
    return ret->unit != TARIFF_WHOLE || ret->free_units == 0;
}

bool tariff_find(const char *list, const char *name, struct tariff *ret)
{
    char found[WORD_SIZE];

    while (*list) {
        if (!read_one(&list, found, ret))
            return false;
        if (strcmp(found, name) == 0)
            return true;
    }
    return false;
}

const char *tariff_mistake(const char *list)
{
    char name[WORD_SIZE];
    struct tariff tariff;

    while (*list) {
        const char *start = list;
        if (!read_one(&list, name, &tariff))
            return start;
    }
    return NULL;
}

int64_t tariff_cost(const struct tariff *tariff, int64_t units)
{
    int64_t count = units - (units > 0 ? tariff->free_units : 0);

    if (count <= 0 || tariff->price == 0)
        return 0;
    if (tariff->unit == TARIFF_WHOLE)
        count = 1;
    if (tariff->unit == TARIFF_MINUTE)
        count = count / SECONDS + (count % SECONDS != 0);
    return count > LEDGER_MAX_AMOUNT / tariff->price ? LEDGER_MAX_AMOUNT : count * tariff->price;
}
