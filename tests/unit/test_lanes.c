/* Lanes: one unit at a time for each key, a limit over all, and nobody forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/bot/lanes.h"

/* ---- by hand ---- */

struct scene;

struct unit {
    struct lane_entry entry;
    struct scene *scene;
    char name;
};

struct scene {
    struct lanes *lanes;
    struct unit units[64];
    size_t count;
    char started[65];
    bool ends_at_once;
};

static void on_start(struct lane_entry *entry, void *user)
{
    struct scene *scene = user;
    struct unit *unit = (struct unit *)entry; /* its first member */

    scene->started[strlen(scene->started)] = unit->name;
    if (scene->ends_at_once)
        lanes_done(scene->lanes, entry);
}

static void setup(struct scene *scene, size_t max_running)
{
    *scene = (struct scene){.count = 0};
    assert_int_equal(lanes_new(&scene->lanes, max_running, on_start, scene), 0);
}

static struct unit *add(struct scene *scene, char name, struct lane_key key)
{
    struct unit *unit = &scene->units[scene->count++];

    *unit = (struct unit){.entry = {.key = key}, .scene = scene, .name = name};
    lanes_add(scene->lanes, &unit->entry);
    return unit;
}

static struct unit *add_to_chat(struct scene *scene, char name, int64_t chat_id)
{
    return add(scene, name, (struct lane_key){.kind = LANE_CHAT, .id = chat_id});
}

static void done(struct scene *scene, struct unit *unit)
{
    lanes_done(scene->lanes, &unit->entry);
}

static void a_lane_runs_one_after_the_other_in_order(void **state)
{
    struct scene s;
    struct unit *units[3];

    (void)state;
    setup(&s, 10);
    for (int i = 0; i < 3; i++)
        units[i] = add_to_chat(&s, (char)('a' + i), 7);
    assert_string_equal(s.started, "a");
    assert_ptr_equal(lanes_running(s.lanes, &units[2]->entry.key), &units[0]->entry);
    done(&s, units[0]);
    assert_string_equal(s.started, "ab");
    assert_ptr_equal(lanes_running(s.lanes, &units[2]->entry.key), &units[1]->entry);
    done(&s, units[1]);
    done(&s, units[2]);
    assert_string_equal(s.started, "abc");
    assert_null(lanes_running(s.lanes, &units[2]->entry.key));
    lanes_free(s.lanes);
}

static void those_that_wait_stand_in_the_order_they_carry(void **state)
{
    static const int orders[] = {5, 3, 2, 4, 2, 1};
    struct scene s;

    (void)state;
    setup(&s, 100);
    for (int i = 0; i < 6; i++) {
        s.units[i] =
            (struct unit){.entry = {.key = {.kind = LANE_CHAT, .id = 1}, .order = orders[i]},
                          .scene = &s,
                          .name = (char)('a' + i)};
        lanes_add(s.lanes, &s.units[i].entry);
    }
    assert_string_equal(s.started, "a"); /* at once */
    for (int i = 0; i < 6; i++)
        done(&s, &s.units[s.started[i] - 'a']);
    assert_string_equal(s.started, "afcebd");
    lanes_free(s.lanes);
}

static void each_part_of_the_key_makes_another_lane(void **state)
{
    static const struct lane_key keys[] = {
        {LANE_CHAT, 1, 0}, {LANE_USER, 1, 0}, {LANE_CHAT, -1, 0},
        {LANE_CHAT, 1, 5}, {LANE_CHAT, 5, 1}, {LANE_CHAT, INT64_C(1) << 32 | 1, 0},
    };

    enum { COUNT = sizeof keys / sizeof *keys };
    struct scene s;

    (void)state;
    setup(&s, 100);
    for (int i = 0; i < COUNT; i++)
        add(&s, (char)('a' + i), keys[i]);
    assert_string_equal(s.started, "abcdef");
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(lanes_running(s.lanes, &keys[i]), &s.units[i].entry);
        done(&s, &s.units[i]);
    }
    lanes_free(s.lanes);
}

static void no_more_run_than_allowed(void **state)
{
    struct scene s;

    (void)state;
    setup(&s, 2);
    for (int i = 0; i < 5; i++)
        add_to_chat(&s, (char)('a' + i), i);
    assert_string_equal(s.started, "ab");
    done(&s, &s.units[1]);
    assert_string_equal(s.started, "abc");
    done(&s, &s.units[0]);
    done(&s, &s.units[2]);
    assert_string_equal(s.started, "abcde");
    done(&s, &s.units[3]);
    done(&s, &s.units[4]);
    lanes_free(s.lanes);
}

static void one_alone_never_waits_and_does_not_count(void **state)
{
    struct scene s;

    (void)state;
    setup(&s, 1);
    struct unit *first = add(&s, 'x', (struct lane_key){.kind = LANE_ALONE, .id = 1});
    struct unit *a = add_to_chat(&s, 'a', 1); /* runs beside x */
    struct unit *b = add_to_chat(&s, 'b', 2); /* has to wait for a */
    struct unit *second = add(&s, 'y', (struct lane_key){.kind = LANE_ALONE, .id = 2});
    assert_string_equal(s.started, "xay");
    done(&s, first);
    done(&s, second);
    assert_string_equal(s.started, "xay"); /* they make no room */
    done(&s, a);
    assert_string_equal(s.started, "xayb");
    done(&s, b);
    lanes_free(s.lanes);
}

static void a_busy_lane_does_not_keep_others_waiting(void **state)
{
    struct scene s;

    (void)state;
    setup(&s, 1);
    for (int i = 0; i < 4; i++)
        add_to_chat(&s, (char)('A' + i), 1);
    add_to_chat(&s, 'x', 2);
    add_to_chat(&s, 'y', 3);
    for (size_t i = 0; i < s.count; i++)
        done(&s, &s.units[(const size_t[]){0, 4, 5, 1, 2, 3}[i]]);
    assert_string_equal(s.started, "AxyBCD");
    lanes_free(s.lanes);
}

static void work_may_be_done_as_soon_as_it_starts(void **state)
{
    struct scene s;

    (void)state;
    setup(&s, 1);
    struct unit *a = add_to_chat(&s, 'a', 1);
    add_to_chat(&s, 'b', 1);
    add_to_chat(&s, 'c', 2);
    add_to_chat(&s, 'd', 1);
    s.ends_at_once = true;
    done(&s, a);
    assert_string_equal(s.started, "acbd");
    add(&s, 'e', (struct lane_key){.kind = LANE_ALONE, .id = 1});
    add_to_chat(&s, 'f', 1);
    assert_string_equal(s.started, "acbdef");
    lanes_free(s.lanes);
}

static void at_the_end_those_who_wait_are_taken(void **state)
{
    struct scene s;
    char taken[8] = "";
    struct lane_entry *entry;

    (void)state;
    setup(&s, 2);
    struct unit *a = add_to_chat(&s, 'a', 1);
    struct unit *b = add_to_chat(&s, 'b', 2);
    add_to_chat(&s, 'c', 1);
    add_to_chat(&s, 'd', 3);
    add_to_chat(&s, 'e', 1);
    add_to_chat(&s, 'f', 3);
    while ((entry = lanes_take_waiting(s.lanes)))
        taken[strlen(taken)] = ((struct unit *)entry)->name;
    assert_int_equal(strlen(taken), 4);
    assert_true(strchr(taken, 'c') < strchr(taken, 'e')); /* in the order of each lane */
    assert_true(strchr(taken, 'd') < strchr(taken, 'f'));
    done(&s, a);
    done(&s, b);
    assert_string_equal(s.started, "ab");
    assert_null(lanes_take_waiting(s.lanes));
    add_to_chat(&s, 'g', 3);
    assert_string_equal(s.started, "abg");
    done(&s, &s.units[6]);
    lanes_free(s.lanes);
    lanes_free(NULL);
}

/* ---- at random, against a model ---- */

enum { KEYS = 12, UNITS = 3000 };

/* What is known of a key; its units are numbers, and its queue is in the order of arrival. */
struct model_lane {
    int queue[UNITS];
    int first, end, running; /* running: the number + 1, or 0 */
    int ready_since;
};

struct model {
    struct lanes *lanes;
    size_t max_running, running;
    struct lane_entry entries[UNITS];
    int keys[UNITS];
    struct model_lane of_key[KEYS];
    bool is_started[UNITS];
    int clock, started, alone;
    unsigned short seed[3];
};

static int number_below(struct model *m, int limit)
{
    return (int)(nrand48(m->seed) % limit);
}

static bool is_ready(const struct model_lane *lane)
{
    return !lane->running && lane->first < lane->end;
}

/* Was it the turn of this one? */
static void on_model_start(struct lane_entry *entry, void *user)
{
    struct model *m = user;
    int number = (int)(entry - m->entries);

    assert_false(m->is_started[number]);
    m->is_started[number] = true;
    m->started++;
    if (entry->key.kind == LANE_ALONE)
        return;
    struct model_lane *lane = &m->of_key[m->keys[number]];
    assert_true(is_ready(lane));
    assert_int_equal(lane->queue[lane->first++], number);
    for (int key = 0; key < KEYS; key++)
        assert_false(is_ready(&m->of_key[key]) && m->of_key[key].ready_since < lane->ready_since);
    lane->running = number + 1;
    assert_in_range(++m->running, 1, m->max_running);
}

static void model_add(struct model *m, int number)
{
    struct lane_entry *entry = &m->entries[number];

    if (number_below(m, 10) == 0) {
        entry->key = (struct lane_key){.kind = LANE_ALONE, .id = number};
        lanes_add(m->lanes, entry);
        assert_true(m->is_started[number]);
        m->alone++;
        lanes_done(m->lanes, entry);
        return;
    }
    int key = number_below(m, number_below(m, KEYS) + 1); /* some keys more often */
    struct model_lane *lane = &m->of_key[key];
    entry->key = (struct lane_key){.kind = key % 2, .id = key / 2, .thread_id = key % 3};
    m->keys[number] = key;
    if (!lane->running && lane->first == lane->end)
        lane->ready_since = ++m->clock;
    lane->queue[lane->end++] = number;
    lanes_add(m->lanes, entry);
}

/* Ends what runs with some key; false when nothing does. */
static bool model_done(struct model *m)
{
    int offset = number_below(m, KEYS);

    for (int i = 0; i < KEYS; i++) {
        struct model_lane *lane = &m->of_key[(i + offset) % KEYS];
        if (!lane->running)
            continue;
        struct lane_entry *entry = &m->entries[lane->running - 1];
        assert_ptr_equal(lanes_running(m->lanes, &entry->key), entry);
        lane->running = 0;
        lane->ready_since = ++m->clock;
        m->running--;
        lanes_done(m->lanes, entry);
        return true;
    }
    return false;
}

/* Nobody waits who could run. */
static void check_model(const struct model *m)
{
    for (int key = 0; key < KEYS; key++)
        assert_false(m->running < m->max_running && is_ready(&m->of_key[key]));
}

static void model_take_waiting(struct model *m)
{
    struct lane_entry *entry;

    while ((entry = lanes_take_waiting(m->lanes))) {
        int number = (int)(entry - m->entries);
        struct model_lane *lane = &m->of_key[m->keys[number]];
        assert_int_equal(lane->queue[lane->first++], number);
    }
    for (int key = 0; key < KEYS; key++)
        assert_int_equal(m->of_key[key].first, m->of_key[key].end);
}

static void run_model(struct model *m, unsigned short seed)
{
    int added = 0, before;

    *m = (struct model){.max_running = 1 + seed % 5, .seed = {seed, 2, 3}};
    assert_int_equal(lanes_new(&m->lanes, m->max_running, on_model_start, m), 0);
    while (added < UNITS) {
        if (number_below(m, 100) < (added / 500 % 2 ? 35 : 65))
            model_add(m, added++);
        else
            model_done(m);
        check_model(m);
    }
    before = m->started;
    if (seed % 2)
        model_take_waiting(m);
    while (model_done(m))
        check_model(m);
    assert_int_equal(m->started, seed % 2 ? before : UNITS);
    assert_in_range(m->alone, UNITS / 20, UNITS / 5);
    lanes_free(m->lanes);
}

static void a_random_mix_behaves_as_the_model_says(void **state)
{
    struct model *m = malloc(sizeof *m);

    (void)state;
    assert_non_null(m);
    for (unsigned short seed = 0; seed < 20; seed++)
        run_model(m, seed);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_runs_one_after_the_other_in_order),
        cmocka_unit_test(those_that_wait_stand_in_the_order_they_carry),
        cmocka_unit_test(each_part_of_the_key_makes_another_lane),
        cmocka_unit_test(no_more_run_than_allowed),
        cmocka_unit_test(one_alone_never_waits_and_does_not_count),
        cmocka_unit_test(a_busy_lane_does_not_keep_others_waiting),
        cmocka_unit_test(work_may_be_done_as_soon_as_it_starts),
        cmocka_unit_test(at_the_end_those_who_wait_are_taken),
        cmocka_unit_test(a_random_mix_behaves_as_the_model_says),
    };

    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
