/*
 * Texts and commands are records, too: of the kinds "text" and "commands", by name or scope and
 * language.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world_internal.h"

enum { MOST_OF_A_KIND = 100000 };

static const char row_prefix[] = "record ", text_kind[] = "text", commands_kind[] = "commands";

/* ---- the table ---- */

static struct record_kind *find_kind(struct world *world, const char *name)
{
    struct record_kind *kind;

    HASH_FIND_STR(world->record_kinds, name, kind);
    return kind;
}

static struct record_kind *kind_of(struct world *world, const char *name)
{
    struct record_kind *kind = find_kind(world, name);

    if (kind)
        return kind;
    kind = calloc(1, sizeof *kind);
    if (!kind)
        abort();
    kind->name = world_strdup(name);
    TAILQ_INIT(&kind->records);
    HASH_ADD_KEYPTR(hh, world->record_kinds, kind->name, strlen(kind->name), kind);
    return kind;
}

static struct record *find_record(struct world *world, const char *kind_name, const char *id)
{
    struct record_kind *kind = find_kind(world, kind_name);
    struct record *record = NULL;

    if (kind)
        HASH_FIND_STR(kind->by_id, id, record);
    return record;
}

static void remove_record(struct record_kind *kind, struct record *record)
{
    HASH_DEL(kind->by_id, record);
    TAILQ_REMOVE(&kind->records, record, link);
    free(record->id);
    free(record->body);
    free(record);
}

static void set_record(struct world *world, const char *kind_name, const char *id, const char *body)
{
    struct record_kind *kind = kind_of(world, kind_name);
    struct record *record = find_record(world, kind_name, id);

    if (!record) {
        record = calloc(1, sizeof *record);
        if (!record)
            abort();
        record->id = world_strdup(id);
        HASH_ADD_KEYPTR(hh, kind->by_id, record->id, strlen(record->id), record);
        TAILQ_INSERT_TAIL(&kind->records, record, link);
    }
    free(record->body);
    record->body = world_strdup(body);
}

void records_load(struct world *world, const struct store_row *row)
{
    if (strncmp(row->kind, row_prefix, strlen(row_prefix)) == 0)
        set_record(world, row->kind + strlen(row_prefix), row->key, row->body);
}

void records_forget(struct world *world)
{
    struct record_kind *kind, *next;

    HASH_ITER(hh, world->record_kinds, kind, next)
    {
        while (!TAILQ_EMPTY(&kind->records))
            remove_record(kind, TAILQ_FIRST(&kind->records));
        HASH_DEL(world->record_kinds, kind);
        free(kind->name);
        free(kind);
    }
}

/* ---- texts of records ---- */

static const char *body_of(struct world *world, const char *kind, const char *id)
{
    const struct record *record = find_record(world, kind, id);

    return record ? record->body : NULL;
}

static void forget(struct world *world, struct arena *arena, const char *kind,
                   struct record *record)
{
    store_remove(world->store, arena_printf(arena, "%s%s", row_prefix, kind), record->id);
    remove_record(find_kind(world, kind), record);
}

static void put(struct world *world, struct arena *arena, const char *kind, const char *id,
                const char *body)
{
    set_record(world, kind, id, body);
    store_put(world->store,
              &(struct store_row){.kind = arena_printf(arena, "%s%s", row_prefix, kind),
                                  .key = id,
                                  .body = body,
                                  .size = strlen(body)});
    if (HASH_COUNT(find_kind(world, kind)->by_id) > MOST_OF_A_KIND)
        forget(world, arena, kind, TAILQ_FIRST(&find_kind(world, kind)->records));
}

/* ---- what others see ---- */

cJSON *world_record(struct world *world, struct arena *arena, const char *kind, const char *id)
{
    const char *body = body_of(world, kind, id);

    return body ? json_keep(arena, cJSON_Parse(body)) : NULL;
}

void world_put_record(struct world *world, struct arena *arena, const char *kind, const char *id,
                      const cJSON *record)
{
    put(world, arena, kind, id, json_text(arena, record));
}

void world_remove_record(struct world *world, const char *kind, const char *id)
{
    struct record *record = find_record(world, kind, id);
    struct arena arena = {0};

    if (record)
        forget(world, &arena, kind, record);
    arena_clear(&arena);
}

cJSON *world_records(struct world *world, struct arena *arena, const char *kind_name)
{
    cJSON *records = json_keep(arena, cJSON_CreateArray());
    const struct record_kind *kind = find_kind(world, kind_name);
    const struct record *record;

    if (kind)
        TAILQ_FOREACH(record, &kind->records, link)
            cJSON_AddItemToArray(records, cJSON_Parse(record->body));
    return records;
}

static const char *in_language(struct arena *arena, const char *name, const char *language)
{
    return arena_printf(arena, "%s %s", name, language);
}

const char *world_text(struct world *world, struct arena *arena, const char *name,
                       const char *language)
{
    return arena_strdup(arena, body_of(world, text_kind, in_language(arena, name, language)));
}

void world_set_text(struct world *world, const char *name, const char *language, const char *value)
{
    struct arena arena = {0};
    const char *id = in_language(&arena, name, language);

    if (*value)
        put(world, &arena, text_kind, id, value);
    else
        world_remove_record(world, text_kind, id);
    world_forget_bot(world);
    arena_clear(&arena);
}

void world_set_commands(struct world *world, struct arena *arena, const char *scope,
                        const char *language, const cJSON *commands)
{
    const char *id = in_language(arena, scope, language);

    if (cJSON_GetArraySize(commands))
        world_put_record(world, arena, commands_kind, id, commands);
    else
        world_remove_record(world, commands_kind, id);
}

cJSON *world_commands(struct world *world, struct arena *arena, const char *scope,
                      const char *language)
{
    cJSON *commands =
        world_record(world, arena, commands_kind, in_language(arena, scope, language));

    return commands ? commands : json_keep(arena, cJSON_CreateArray());
}
