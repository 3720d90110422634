#include "tests/unit/inbox_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/loop.h"

struct delivered delivered;

static void end_item(size_t i, enum ending how)
{
    const struct inbox_item *item = &delivered.items[i].item;
    struct fixture *f = delivered.f;
    struct arena arena = {0};

    delivered.items[i].ending = how;
    delivered.ended++;
    if (how == COMMITTED) {
        const struct aisha_statement mark = inbox_done_statement(delivered.inbox, &arena, item);
        CHECK_INT(f, db_query(f->db, &arena, &mark, NULL), 0);
    }
    if (how == GIVEN_UP)
        inbox_give_up(delivered.inbox, item);
    else
        inbox_done(delivered.inbox, item, how == COMMITTED);
    arena_clear(&arena);
}

static void take(const struct inbox_item *item, void *user)
{
    struct fixture *f = user;

    if (delivered.count == MAX_DELIVERED)
        abort();
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(item->update, "update_id");
    CHECK(f, id && (int64_t)id->valuedouble == item->update_id);
    delivered.items[delivered.count].item = *item;
    delivered.items[delivered.count].was_stored = inbox_is_stored(item);
    delivered.items[delivered.count++].ending = NOT_YET;
    if (delivered.at_once != NOT_YET)
        end_item(delivered.count - 1, delivered.at_once);
}

void open_inbox(struct fixture *f, int64_t bot_id)
{
    delivered.f = f;
    delivered.count = delivered.ended = 0;
    delivered.at_once = NOT_YET;
    delivered.when = INBOX_EARLY;
    CHECK_INT(f, inbox_open(&delivered.inbox, f->loop, f->db, bot_id, take, f), 0);
}

void close_inbox(struct fixture *f)
{
    CHECK_INT(f, (int64_t)inbox_pending(delivered.inbox),
              (int64_t)(delivered.count - delivered.ended));
    end_all(GIVEN_UP);
    CHECK_INT(f, (int64_t)inbox_pending(delivered.inbox), 0);
    inbox_free(delivered.inbox);
    delivered.inbox = NULL;
}

static scenario *opened_scenario;

static void run_opened(struct fixture *f)
{
    open_inbox(f, BOT_ID);
    if (delivered.inbox) {
        opened_scenario(f);
        close_inbox(f);
    }
}

void run_with_inbox(struct fixture *f, scenario *run)
{
    opened_scenario = run;
    run_with_db(f, run_opened);
}

int receive_json(const char *json, int64_t *ret_last_id)
{
    cJSON *updates = cJSON_Parse(json);

    if (!updates)
        abort();
    return inbox_receive(delivered.inbox, updates, json, delivered.when, ret_last_id);
}

int receive_range(int64_t first, size_t count, int64_t step)
{
    cJSON *updates = cJSON_CreateArray();
    int64_t last_id;
    char text[40];

    for (size_t i = 0; i < count; i++) {
        cJSON *update = cJSON_CreateObject();
        int64_t id = first + (int64_t)i * step;
        snprintf(text, sizeof text, "update %lld", (long long)id);
        cJSON_AddNumberToObject(update, "update_id", (double)id);
        cJSON_AddStringToObject(update, "text", text);
        cJSON_AddItemToArray(updates, update);
    }
    return inbox_receive(delivered.inbox, updates, NULL, delivered.when, &last_id);
}

void end(int64_t update_id, enum ending how)
{
    size_t i = delivered.count;

    while (i > 0 && delivered.items[i - 1].item.update_id != update_id)
        i--;
    CHECK(delivered.f, i > 0 && delivered.items[i - 1].ending == NOT_YET);
    if (i > 0)
        end_item(i - 1, how);
}

void end_all(enum ending how)
{
    for (size_t i = 0; i < delivered.count; i++)
        if (delivered.items[i].ending == NOT_YET)
            end_item(i, how);
}

const char *ids_delivered(void)
{
    struct arena *arena = &delivered.f->arena;
    const char *ids = "";

    for (size_t i = 0; i < delivered.count; i++)
        ids = arena_printf(arena, "%s%s%lld", ids, *ids ? " " : "",
                           (long long)delivered.items[i].item.update_id);
    return ids;
}

void check_ids(struct fixture *f, const char *wanted, const char *file, int line)
{
    const char *ids = ids_delivered();

    if (strcmp(ids, wanted) != 0)
        check(f, false, arena_printf(&f->arena, "delivered \"%s\", not \"%s\"", ids, wanted), file,
              line);
}
