/* The hash function that meson.build chooses for uthash, with keys as the host's tables have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <uthash.h>

#include <cmocka.h>

enum { ENTRIES = 20000, LONGEST_CHAIN = 20 };

static const int64_t FIRST_ID = 7000000000;

/* In a private chat the chat's id is the person's, and there is no topic. */
struct entry {
    int64_t key[3];
    UT_hash_handle hh;
};

static unsigned longest_chain(const struct entry *table)
{
    unsigned longest = 0;

    for (unsigned i = 0; i < table->hh.tbl->num_buckets; i++)
        if (table->hh.tbl->buckets[i].count > longest)
            longest = table->hh.tbl->buckets[i].count;
    return longest;
}

static void check_chains(size_t key_size)
{
    struct entry *entries = calloc(ENTRIES, sizeof *entries), *table = NULL;

    assert_non_null(entries);
    for (int i = 0; i < ENTRIES; i++) {
        struct entry *entry = &entries[i];
        entry->key[0] = entry->key[1] = FIRST_ID + i;
        HASH_ADD(hh, table, key, key_size, entry);
    }
    assert_int_equal(table->hh.tbl->noexpand, 0);
    assert_true(longest_chain(table) <= LONGEST_CHAIN);
    HASH_CLEAR(hh, table);
    free(entries);
}

static void ids_spread(void **state)
{
    (void)state;
    check_chains(sizeof(int64_t));
}

static void ids_of_private_chats_spread(void **state)
{
    (void)state;
    check_chains(3 * sizeof(int64_t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_spread),
        cmocka_unit_test(ids_of_private_chats_spread),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
