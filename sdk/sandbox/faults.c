#include "sdk/sandbox/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "host/core/arena.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/json.h"

enum { MOST_ORDERS = 1000, NO_END = -1 };

struct order {
    STAILQ_ENTRY(order) link;
    struct faults *faults;
    enum fault_kind kind;
    cJSON *order;
    int64_t id;
    int64_t left; /* times; NO_END */
    double probability;
    uint64_t random;
    struct clock_timer end; /* set when it has one */
};

struct faults {
    STAILQ_HEAD(, order) orders;
    size_t count;
    int64_t last_id;
    struct clock *clock;
    void (*on_change)(void *user);
    void *user;
};

int faults_new(struct faults **ret_faults, struct clock *clock, void (*on_change)(void *user),
               void *user)
{
    struct faults *faults = calloc(1, sizeof *faults);

    if (!faults)
        return -ENOMEM;
    STAILQ_INIT(&faults->orders);
    faults->clock = clock;
    faults->on_change = on_change;
    faults->user = user;
    *ret_faults = faults;
    return 0;
}

static void drop(struct order *order)
{
    struct faults *faults = order->faults;

    STAILQ_REMOVE(&faults->orders, order, order, link);
    faults->count--;
    clock_timer_clear(&order->end);
    cJSON_Delete(order->order);
    free(order);
}

static void drop_all(struct faults *faults)
{
    while (!STAILQ_EMPTY(&faults->orders))
        drop(STAILQ_FIRST(&faults->orders));
}

void faults_clear(struct faults *faults)
{
    drop_all(faults);
    faults->on_change(faults->user);
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    drop_all(faults);
    free(faults);
}

size_t faults_waiting(const struct faults *faults)
{
    const struct order *order;
    size_t count = 0;

    STAILQ_FOREACH(order, &faults->orders, link)
        count += order->left != NO_END;
    return count;
}

static void on_end(void *arg)
{
    struct order *order = arg;
    struct faults *faults = order->faults;

    drop(order);
    faults->on_change(faults->user);
}

/* Once, unless it ends in another way. */
static int64_t times(const cJSON *order, enum fault_kind kind)
{
    bool has_end = json_get(order, "seconds") || json_get(order, "probability") ||
                   kind == FAULT_FLOOD || kind == FAULT_BLOCK;

    return json_get_int(order, "count", has_end ? NO_END : 1);
}

const char *faults_add(struct faults *faults, struct arena *arena, const cJSON *order,
                       int64_t *ret_id)
{
    const cJSON *probability = json_get(order, "probability"), *seed = json_get(order, "seed");
    enum fault_kind kind;
    const char *wrong = fault_order_check(arena, order, &kind);
    int64_t seconds = json_get_int(order, "seconds", 0);

    if (wrong)
        return wrong;
    if (faults->count == MOST_ORDERS)
        return "too many faults are waiting";
    struct order *added = calloc(1, sizeof *added);
    if (!added)
        return "out of memory";
    *added = (struct order){.faults = faults,
                            .kind = kind,
                            .order = cJSON_Duplicate(order, true),
                            .id = ++faults->last_id,
                            .left = times(order, kind),
                            .probability = probability ? probability->valuedouble : 1,
                            .random = (uint64_t)json_get_int(order, "seed", 0)};
    if (!seed && getrandom(&added->random, sizeof added->random, 0) < 0)
        added->random = (uint64_t)clock_now_ms(faults->clock);
    STAILQ_INSERT_TAIL(&faults->orders, added, link);
    faults->count++;
    if (seconds)
        clock_timer_set(&added->end, faults->clock, seconds * 1000, on_end, added);
    *ret_id = added->id;
    faults->on_change(faults->user);
    return NULL;
}

static int64_t seconds_left(const struct order *order)
{
    int64_t left_ms = order->end.due_ms - clock_steady_ms(order->faults->clock);

    return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

static cJSON *number_or_null(bool has_number, int64_t number)
{
    return has_number ? cJSON_CreateNumber((double)number) : cJSON_CreateNull();
}

cJSON *faults_list(const struct faults *faults, struct arena *arena)
{
    cJSON *list = json_keep(arena, cJSON_CreateArray());
    const struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        cJSON *item = cJSON_Duplicate(order->order, true);
        json_set_int(item, "id", order->id);
        json_set(item, "left", number_or_null(order->left != NO_END, order->left));
        json_set(item, "seconds_left",
                 number_or_null(order->end.clock != NULL, seconds_left(order)));
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

bool faults_remove(struct faults *faults, int64_t id)
{
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        if (order->id == id) {
            drop(order);
            faults->on_change(faults->user);
            return true;
        }
    }
    return false;
}

/* Between 0 and 1; the same numbers for the same seed (splitmix64). */
static double next_random(struct order *order)
{
    uint64_t z = order->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Whether it happens this time. */
static bool strikes(struct order *order)
{
    return order->probability >= 1 || next_random(order) < order->probability;
}

static void use(struct order *order)
{
    struct faults *faults = order->faults;

    if (order->left == NO_END)
        return;
    if (--order->left == 0)
        drop(order);
    faults->on_change(faults->user);
}

static bool is_for(const struct order *order, const char *method)
{
    const char *wanted = json_get_text(order->order, "method");

    if (order->kind != FAULT_CALL)
        return order->kind == FAULT_CHAOS;
    size_t length = strlen(wanted) - 1;
    if (strcasecmp(wanted, "openai.*") == 0 && strcmp(method, "transcription") == 0)
        return true;
    if (wanted[length] == '*') /* "*", "fal.*" */
        return strncasecmp(wanted, method, length) == 0;
    return strcasecmp(wanted, method) == 0;
}

const struct fault *faults_take(struct faults *faults, struct arena *arena, const char *method)
{
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        if (!is_for(order, method) || !strikes(order))
            continue;
        const cJSON *what =
            order->kind == FAULT_CHAOS ? fault_order_any(arena, next_random(order)) : order->order;
        const struct fault *fault = fault_order_make(arena, what, method);
        use(order);
        return fault;
    }
    return NULL;
}

bool faults_take_kind(struct faults *faults, enum fault_kind kind)
{
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        if (order->kind == kind && strikes(order)) {
            use(order);
            return true;
        }
    }
    return false;
}

const char *faults_take_webhook(struct faults *faults, struct arena *arena)
{
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        if (order->kind == FAULT_FAL_WEBHOOK && strikes(order)) {
            const char *what = arena_strdup(arena, json_get_text(order->order, "what"));
            use(order);
            return what;
        }
    }
    return NULL;
}

const cJSON *faults_take_run(struct faults *faults, struct arena *arena, const char *model)
{
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        const char *wanted = json_get_text(order->order, "model");
        if (order->kind == FAULT_FAL_RUN && (!wanted || strcmp(wanted, model) == 0) &&
            strikes(order)) {
            const cJSON *copy = json_keep(arena, cJSON_Duplicate(order->order, true));
            use(order);
            return copy;
        }
    }
    return NULL;
}

int64_t faults_left(const struct faults *faults, enum fault_kind kind)
{
    const struct order *order;
    int64_t left = 0;

    STAILQ_FOREACH(order, &faults->orders, link) {
        if (order->kind == kind && order->left == NO_END)
            return NO_END;
        if (order->kind == kind)
            left += order->left;
    }
    return left;
}

int64_t faults_flooded_s(const struct faults *faults, int64_t chat_id)
{
    const struct order *order;
    int64_t longest_s = 0;

    STAILQ_FOREACH(order, &faults->orders, link) {
        int64_t about = json_get_int(order->order, "chat_id", 0);
        if (order->kind != FAULT_FLOOD || (about && about != chat_id))
            continue;
        int64_t left_s = seconds_left(order);
        if (left_s > longest_s)
            longest_s = left_s;
    }
    return longest_s;
}
