/*
 * Entities of a message never cross: one ends before the next begins, or lies within it. What crosses
 * is split where it can be, or left out.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"

enum { MOST_ENTITIES = 100 };

struct range {
    int64_t from, to;
};

static struct range range_of(const cJSON *entity)
{
    int64_t from = json_get_int(entity, "offset", 0);

    return (struct range){from, from + json_get_int(entity, "length", 0)};
}

static void set_range(cJSON *entity, struct range range)
{
    json_set_int(entity, "offset", range.from);
    json_set_int(entity, "length", range.to - range.from);
}

static bool is_one_of(const cJSON *entity, const char *const types[], size_t count)
{
    const char *type = json_get_text(entity, "type");

    for (size_t i = 0; i < count; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* Can be cut in two and stay what it is. */
static bool is_style(const cJSON *entity)
{
    static const char *const types[] = {"bold", "italic", "underline", "strikethrough", "spoiler"};

    return is_one_of(entity, types, sizeof types / sizeof *types);
}

static bool is_code(const cJSON *entity)
{
    static const char *const types[] = {"code", "pre"};

    return is_one_of(entity, types, sizeof types / sizeof *types);
}

static bool is_quote(const cJSON *entity)
{
    static const char *const types[] = {"blockquote", "expandable_blockquote"};

    return is_one_of(entity, types, sizeof types / sizeof *types);
}

/* By offset, the longer first; stable. */
static bool comes_before(const cJSON *a, const cJSON *b)
{
    struct range x = range_of(a), y = range_of(b);

    return x.from < y.from || (x.from == y.from && x.to > y.to);
}

static cJSON *sorted(struct arena *arena, cJSON *entities)
{
    cJSON *result = json_keep(arena, cJSON_CreateArray());
    int count = 0;

    while (entities->child && count < MOST_ENTITIES) {
        cJSON *first = entities->child, *entity;
        cJSON_ArrayForEach(entity, entities) {
            if (comes_before(entity, first))
                first = entity;
        }
        cJSON_AddItemToArray(result, cJSON_DetachItemViaPointer(entities, first));
        count++;
    }
    return result;
}

static bool meets(struct range a, struct range b)
{
    return a.from < b.to && b.from < a.to;
}

static bool lies_within(struct range a, struct range b)
{
    return a.from >= b.from && a.to <= b.to;
}

/* Whether the later of two that are no styles has to go. */
static bool excludes(const cJSON *kept, const cJSON *later)
{
    struct range a = range_of(kept), b = range_of(later);

    if (!meets(a, b))
        return false;
    if (is_quote(kept) && !is_quote(later))
        return !lies_within(b, a);
    if (is_quote(later) && !is_quote(kept))
        return !lies_within(a, b);
    return true;
}

/* Takes out the solid ones, those that do not fit beside those before them left out. */
static cJSON *take_solid(struct arena *arena, cJSON *entities)
{
    cJSON *solid = json_keep(arena, cJSON_CreateArray()), *entity = entities->child;
    const cJSON *kept;

    for (cJSON *next; entity; entity = next) {
        next = entity->next;
        if (is_style(entity))
            continue;
        cJSON_DetachItemViaPointer(entities, entity);
        bool is_excluded = false;
        cJSON_ArrayForEach(kept, solid)
            is_excluded |= excludes(kept, entity);
        if (is_excluded)
            cJSON_Delete(entity);
        else
            cJSON_AddItemToArray(solid, entity);
    }
    return solid;
}

/* Joins styles of one type that meet; they are sorted. */
static void join_styles(cJSON *styles)
{
    for (cJSON *style = styles->child; style; style = style->next) {
        cJSON *other = style->next;
        for (cJSON *next; other; other = next) {
            struct range a = range_of(style), b = range_of(other);
            next = other->next;
            if (b.from >= a.to ||
                strcmp(json_get_text(style, "type"), json_get_text(other, "type")) != 0)
                continue;
            set_range(style, (struct range){a.from, a.to > b.to ? a.to : b.to});
            cJSON_Delete(cJSON_DetachItemViaPointer(styles, other));
        }
    }
}

static void add_part(cJSON *parts, const cJSON *style, struct range range)
{
    if (range.from >= range.to)
        return;
    cJSON *part = cJSON_Duplicate(style, true);
    set_range(part, range);
    cJSON_AddItemToArray(parts, part);
}

/* The parts of a style outside code, and not across the border of anything. */
static void split_style(cJSON *parts, const cJSON *style, const cJSON *solid)
{
    struct range range = range_of(style);
    const cJSON *other;

    cJSON_ArrayForEach(other, solid) {
        struct range its = range_of(other);
        if (!meets(range, its))
            continue;
        if (is_code(other)) {
            add_part(parts, style, (struct range){range.from, its.from});
            range.from = its.to;
        } else if (!lies_within(range, its) && !lies_within(its, range)) {
            int64_t border = its.from > range.from ? its.from : its.to;
            add_part(parts, style, (struct range){range.from, border});
            range.from = border;
        }
        if (range.from >= range.to)
            return;
    }
    add_part(parts, style, range);
}

/* Cuts styles where those that began before them end. */
static void nest_styles(cJSON *entities)
{
    for (cJSON *entity = entities->child; entity; entity = entity->next) {
        struct range range = range_of(entity);
        cJSON *later = entity->next;
        for (; later; later = later->next) {
            struct range its = range_of(later);
            if (!is_style(later) || its.from >= range.to || its.to <= range.to ||
                its.from == range.from)
                continue;
            cJSON *rest = cJSON_Duplicate(later, true);
            set_range(later, (struct range){its.from, range.to});
            set_range(rest, (struct range){range.to, its.to});
            cJSON_AddItemToArray(entities, rest);
        }
    }
}

/* One after the other, as in most texts. */
static bool is_simple(const cJSON *entities)
{
    const cJSON *entity;
    int64_t end = 0;
    int count = 0;

    cJSON_ArrayForEach(entity, entities) {
        struct range range = range_of(entity);
        if (range.from < end || range.from >= range.to || ++count > MOST_ENTITIES)
            return false;
        end = range.to;
    }
    return true;
}

cJSON *entities_fix(struct arena *arena, cJSON *given)
{
    if (is_simple(given))
        return given;
    cJSON *entities = sorted(arena, given);
    cJSON *solid = take_solid(arena, entities), *parts = json_keep(arena, cJSON_CreateArray());
    const cJSON *style;

    join_styles(entities);
    cJSON_ArrayForEach(style, entities)
        split_style(parts, style, solid);
    while (solid->child)
        cJSON_AddItemToArray(parts, cJSON_DetachItemViaPointer(solid, solid->child));
    parts = sorted(arena, parts);
    nest_styles(parts);
    return sorted(arena, parts);
}
