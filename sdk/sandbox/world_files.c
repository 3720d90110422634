#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world_internal.h"

enum { LINK_SECONDS = 3600, MOST_BYTES = 512 * 1024 * 1024 };

static const char file_row[] = "file", bytes_row[] = "file_bytes";

static const struct file_kind {
    const char *kind, *id_prefix, *folder, *extension;
} file_kinds[] = {
    {"voice", "AwACAgIAAxkBAAI", "voice", "oga"},
    {"audio", "CQACAgIAAxkBAAI", "music", "mp3"},
    {"video_note", "DQACAgIAAxkBAAI", "video_notes", "mp4"},
    {"video", "BAACAgIAAxkBAAI", "videos", "mp4"},
    {"animation", "CgACAgIAAxkBAAI", "animations", "mp4"},
    {"photo", "AgACAgIAAxkBAAI", "photos", "jpg"},
    {"live_photo", "BAACAgIAAxkBAAJ", "videos", "mp4"},
    {"sticker", "CAACAgIAAxkBAAI", "stickers", "webp"},
    {"thumbnail", "AAMCAgADGQEAAg", "thumbnails", "jpg"},
    {"document", "BQACAgIAAxkBAAI", "documents", "bin"},
};

static const struct file_kind *find_file_kind(const char *kind)
{
    size_t count = sizeof file_kinds / sizeof *file_kinds;

    for (size_t i = 0; i < count - 1; i++)
        if (strcmp(file_kinds[i].kind, kind) == 0)
            return &file_kinds[i];
    return &file_kinds[count - 1];
}

/* Letters and digits of the file's own extension, or the usual one of its kind. */
static const char *extension_of(struct arena *arena, const char *file_name,
                                const struct file_kind *kind)
{
    const char *dot = file_name ? strrchr(file_name, '.') : NULL;
    size_t length = dot ? strlen(dot + 1) : 0;

    if (strcmp(kind->kind, "voice") == 0 || !length || length > 8)
        return kind->extension;
    for (const char *c = dot + 1; *c; c++)
        if (!isalnum((unsigned char)*c))
            return kind->extension;
    return arena_strdup(arena, dot + 1);
}

/* ---- the table ---- */

static struct file *find_file(struct world *world, const char *id)
{
    struct file *file;

    HASH_FIND(by_id, world->files_by_id, id, strlen(id), file);
    return file;
}

static void remove_file(struct world *world, struct file *file)
{
    HASH_DELETE(by_id, world->files_by_id, file);
    HASH_DELETE(by_path, world->files_by_path, file);
    TAILQ_REMOVE(&world->file_order, file, link);
    world->file_bytes -= file->size;
    free(file->id);
    free(file->path);
    free(file->body);
    free(file->bytes);
    free(file);
}

static void forget(struct world *world, struct file *file)
{
    store_remove(world->store, file_row, file->id);
    store_remove(world->store, bytes_row, file->id);
    remove_file(world, file);
}

static struct file *add_file(struct world *world, const char *id, const char *path,
                             const char *body)
{
    struct file *file = calloc(1, sizeof *file);

    if (!file)
        abort();
    *file = (struct file){
        .id = world_strdup(id), .path = world_strdup(path), .body = world_strdup(body)};
    HASH_ADD_KEYPTR(by_id, world->files_by_id, file->id, strlen(file->id), file);
    HASH_ADD_KEYPTR(by_path, world->files_by_path, file->path, strlen(file->path), file);
    TAILQ_INSERT_TAIL(&world->file_order, file, link);
    return file;
}

static void set_bytes(struct world *world, struct file *file, const void *bytes, size_t size)
{
    file->bytes = malloc(size + 1);
    if (!file->bytes)
        abort();
    memcpy(file->bytes, bytes, size);
    file->size = size;
    world->file_bytes += size;
}

static void save(struct world *world, const struct file *file)
{
    store_put(world->store, &(struct store_row){.kind = file_row,
                                                .key = file->id,
                                                .body = file->body,
                                                .size = strlen(file->body),
                                                .numbers = {file->linked_until}});
}

void files_load(struct world *world, const struct store_row *row)
{
    cJSON *body = cJSON_Parse(row->body);
    const char *path = json_get_text(body, "path");

    if (path)
        add_file(world, row->key, path, row->body)->linked_until = row->numbers[0];
    cJSON_Delete(body);
}

void file_bytes_load(struct world *world, const struct store_row *row)
{
    struct file *file = find_file(world, row->key);

    if (file)
        set_bytes(world, file, row->body, row->size);
}

void files_forget(struct world *world)
{
    while (!TAILQ_EMPTY(&world->file_order))
        remove_file(world, TAILQ_FIRST(&world->file_order));
}

/* ---- what others see ---- */

void world_add_file(struct world *world, struct arena *arena, const char *kind_name, cJSON *object,
                    const void *bytes, size_t size)
{
    const struct file_kind *kind = find_file_kind(kind_name);
    const char *name = world_random_name(arena);
    const char *extension = extension_of(arena, json_get_text(object, "file_name"), kind);
    int64_t number = world->counters[COUNTER_FILE] + 1;
    const char *path =
        arena_printf(arena, "%s/file_%" PRId64 ".%s", kind->folder, number, extension);
    cJSON *body = json_keep(arena, cJSON_CreateObject());

    world_set_counter(world, COUNTER_FILE, number);
    json_set_text(object, "file_id", arena_printf(arena, "%s%s", kind->id_prefix, name));
    json_set_text(object, "file_unique_id", arena_strndup(arena, name, 15));
    if (!json_get(object, "file_size"))
        json_set_int(object, "file_size", (int64_t)size);
    json_set_text(body, "kind", kind->kind);
    json_set_text(body, "path", path);
    json_set_copy(body, "object", object);
    struct file *file =
        add_file(world, json_get_text(object, "file_id"), path, json_text(arena, body));
    set_bytes(world, file, bytes, size);
    save(world, file);
    store_put(world->store,
              &(struct store_row){
                  .kind = bytes_row, .key = file->id, .body = file->bytes, .size = file->size});
    while (world->file_bytes > MOST_BYTES)
        forget(world, TAILQ_FIRST(&world->file_order));
}

cJSON *world_file(struct world *world, struct arena *arena, const char *file_id)
{
    const struct file *file = find_file(world, file_id);

    return file ? json_keep(arena, cJSON_Parse(file->body)) : NULL;
}

void world_link_file(struct world *world, const char *file_id)
{
    struct file *file = find_file(world, file_id);

    if (!file)
        return;
    file->linked_until = world_now(world) + LINK_SECONDS;
    save(world, file);
}

static const void *copy_of(struct arena *arena, const struct file *file, size_t *ret_size)
{
    if (!file || !file->bytes)
        return NULL;
    *ret_size = file->size;
    return arena_memdup(arena, file->bytes, file->size);
}

const void *world_file_bytes(struct world *world, struct arena *arena, const char *file_id,
                             size_t *ret_size)
{
    return copy_of(arena, find_file(world, file_id), ret_size);
}

const void *world_linked_bytes(struct world *world, struct arena *arena, const char *path,
                               size_t *ret_size)
{
    struct file *file;

    HASH_FIND(by_path, world->files_by_path, path, strlen(path), file);
    if (file && file->linked_until <= world_now(world))
        file = NULL;
    return copy_of(arena, file, ret_size);
}
