#include "host/store/inbox_gate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/inbox.h"

enum { MAX_BATCH = 100 };

struct sender {
    struct wait wait;
    cJSON *update;
    const char *text;
    TAILQ_ENTRY(sender) link;
};

struct inbox_gate {
    struct loop *loop;
    struct inbox *inbox;
    TAILQ_HEAD(, sender) waiting;
    bool is_committing;
};

int inbox_gate_new(struct inbox_gate **ret_gate, struct loop *loop, struct inbox *inbox)
{
    struct inbox_gate *gate = calloc(1, sizeof *gate);

    if (!gate)
        return -ENOMEM;
    *gate = (struct inbox_gate){.loop = loop, .inbox = inbox};
    TAILQ_INIT(&gate->waiting);
    *ret_gate = gate;
    return 0;
}

void inbox_gate_free(struct inbox_gate *gate)
{
    free(gate);
}

static double update_id_of(const struct sender *sender)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(sender->update, "update_id"));
}

/* By id, which is the order of the events in a chat. */
static int compare_senders(const void *a, const void *b)
{
    double left = update_id_of(*(struct sender *const *)a);
    double right = update_id_of(*(struct sender *const *)b);

    return left < right ? -1 : left > right;
}

/* All as one array. */
static const char *join(struct arena *arena, struct sender *const *senders, size_t count)
{
    size_t size = 2 + count;

    for (size_t i = 0; i < count; i++)
        size += strlen(senders[i]->text);
    char *text = arena_alloc(arena, size), *end = text;
    for (size_t i = 0; i < count; i++)
        end = stpcpy(stpcpy(end, i ? "," : "["), senders[i]->text);
    stpcpy(end, "]");
    return text;
}

/* Stores those who wait now, together, and tells them. */
static AISHA_ASYNC void commit_batch(struct inbox_gate *gate)
{
    struct sender *senders[MAX_BATCH];
    size_t count = 0;
    cJSON *batch = cJSON_CreateArray();
    struct arena arena = {0};
    int64_t last_id;

    while (count < MAX_BATCH && !TAILQ_EMPTY(&gate->waiting)) {
        senders[count] = TAILQ_FIRST(&gate->waiting);
        TAILQ_REMOVE(&gate->waiting, senders[count], link);
        count++;
    }
    qsort(senders, count, sizeof *senders, compare_senders);
    for (size_t i = 0; i < count; i++)
        if (!cJSON_AddItemToArray(batch, senders[i]->update))
            abort(); /* no memory */
    int r = inbox_receive(gate->inbox, batch, join(&arena, senders, count), INBOX_STORED, &last_id);
    arena_clear(&arena);
    for (size_t i = 0; i < count; i++)
        wait_wake(&senders[i]->wait, r);
}

static AISHA_ASYNC void commit_all(void *arg)
{
    struct inbox_gate *gate = arg;

    while (!TAILQ_EMPTY(&gate->waiting))
        commit_batch(gate);
    gate->is_committing = false;
}

int inbox_gate_receive(struct inbox_gate *gate, cJSON *update, const char *text)
{
    struct sender sender = {.update = update, .text = text};

    if (!gate->is_committing) {
        int r = task_start(gate->loop, "inbox", commit_all, gate, NULL);
        if (r < 0) {
            cJSON_Delete(update);
            return r;
        }
        gate->is_committing = true;
    }
    wait_init(&sender.wait, gate->loop);
    TAILQ_INSERT_TAIL(&gate->waiting, &sender, link);
    return wait_for_uncancelled(&sender.wait, WAIT_FOREVER);
}
