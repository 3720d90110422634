#include "host/telegram/upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "host/telegram/client_internal.h"
#include "host/telegram/codec.h"
#include "host/telegram/memory.h"

enum { OTHERS_PATIENCE_MS = 20000 }; /* then it is uploaded beside them */

/* One who waits until somebody else has uploaded a blob. */
struct upload_waiter {
    struct wait wait;
    TAILQ_ENTRY(upload_waiter) link;
};

struct upload {
    struct telegram_blob blob;
    size_t part;         /* of the body as it was given */
    bool is_media;       /* an item of the parameter media names the part */
    size_t item;         /* which one, there and in the result */
    const char *file_id; /* sent in its place */
    bool is_claimed;     /* in telegram->uploading */
    TAILQ_HEAD(, upload_waiter) waiters;
    TAILQ_ENTRY(upload) link;
};

struct uploads {
    struct telegram *telegram;
    struct arena *arena;
    const struct codec_body *body;
    cJSON *media; /* the parameter of that name, or NULL */
    const char *failed_key;
    size_t count;
    struct upload uploads[];
};

/* ---- finding them ---- */

static void delete_json(void *json)
{
    cJSON_Delete(json);
}

static cJSON *media_of(struct arena *arena, const struct codec_body *body)
{
    cJSON *media;

    for (size_t i = 0; i < body->part_count; i++) {
        const struct codec_part *part = &body->parts[i];
        if (!part->value || strcmp(part->name, "media") != 0 ||
            codec_parse(part->value, strlen(part->value), &media) < 0)
            continue;
        arena_defer(arena, delete_json, media);
        return media;
    }
    return NULL;
}

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Finds the item {"type":"photo","media":"attach://NAME"}, by itself or in an array. */
static void find_media(const struct uploads *uploads, const char *name, struct upload *upload)
{
    const char *attached = arena_printf(uploads->arena, "attach://%s", name);
    bool is_list = cJSON_IsArray(uploads->media);
    size_t place = 0;

    for (const cJSON *item = is_list ? uploads->media->child : uploads->media; item;
         item = item->next, place++) {
        const char *media = text_of(item, "media"), *type = text_of(item, "type");
        if (!media || !type || strcmp(media, attached) != 0)
            continue;
        upload->is_media = true;
        upload->item = place;
        upload->blob.kind = type;
        return;
    }
}

int uploads_open(struct telegram *telegram, struct arena *arena, const struct codec_body *body,
                 const char *owner, struct uploads **ret)
{
    size_t count = 0;

    for (size_t i = 0; i < body->part_count; i++)
        count += body->parts[i].file && body->parts[i].file->blob;
    *ret = NULL;
    if (count == 0)
        return 0;
    if (!telegram->memory || !owner)
        return -AISHA_E_INVALID;
    struct uploads *uploads = arena_alloc(arena, sizeof *uploads + count * sizeof(struct upload));
    *uploads = (struct uploads){
        .telegram = telegram, .arena = arena, .body = body, .media = media_of(arena, body)};
    for (size_t i = 0; i < body->part_count; i++) {
        const struct codec_part *part = &body->parts[i];
        if (!part->file || !part->file->blob)
            continue;
        struct upload *upload = &uploads->uploads[uploads->count++];
        *upload = (struct upload){
            .part = i,
            .blob = {.key = *part->file->blob == '/' /* aisha_blob_name() */
                                ? part->file->blob + 1
                                : arena_printf(arena, "%s/%s", owner, part->file->blob),
                     .kind = part->name},
        };
        TAILQ_INIT(&upload->waiters);
        find_media(uploads, part->name, upload);
    }
    *ret = uploads;
    return 0;
}

/* ---- who uploads ---- */

static bool is_same_blob(const struct telegram_blob *a, const struct telegram_blob *b)
{
    return strcmp(a->key, b->key) == 0 && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->stamp, b->stamp) == 0;
}

/* Another call's upload of a blob that this one needs, or NULL. */
static struct upload *find_busy(const struct uploads *uploads)
{
    struct upload *other;

    for (size_t i = 0; i < uploads->count; i++) {
        const struct upload *mine = &uploads->uploads[i];
        if (mine->file_id || mine->is_claimed)
            continue;
        TAILQ_FOREACH(other, &uploads->telegram->uploading, link)
            if (is_same_blob(&mine->blob, &other->blob))
                return other;
    }
    return NULL;
}

static AISHA_ASYNC int wait_for_other(const struct uploads *uploads, struct upload *other)
{
    struct upload_waiter waiter;

    wait_init(&waiter.wait, uploads->telegram->loop);
    TAILQ_INSERT_TAIL(&other->waiters, &waiter, link);
    int r = wait_for(&waiter.wait, OTHERS_PATIENCE_MS);
    if (r < 0)
        TAILQ_REMOVE(&other->waiters, &waiter, link);
    return r;
}

static void claim_all(struct uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++) {
        struct upload *upload = &uploads->uploads[i];
        if (upload->file_id || upload->is_claimed)
            continue;
        upload->is_claimed = true;
        TAILQ_INSERT_TAIL(&uploads->telegram->uploading, upload, link);
    }
}

void uploads_close(struct uploads *uploads)
{
    struct upload_waiter *waiter;

    for (size_t i = 0; uploads && i < uploads->count; i++) {
        struct upload *upload = &uploads->uploads[i];
        if (!upload->is_claimed)
            continue;
        upload->is_claimed = false;
        TAILQ_REMOVE(&uploads->telegram->uploading, upload, link);
        while ((waiter = TAILQ_FIRST(&upload->waiters))) {
            TAILQ_REMOVE(&upload->waiters, waiter, link);
            wait_wake(&waiter->wait, 0);
        }
    }
}

/* Nobody holds a claim while he waits for another's, so nobody waits for ever. */
static AISHA_ASYNC int find_ids(struct uploads *uploads)
{
    const struct telegram_memory *memory = uploads->telegram->memory;
    void *user = uploads->telegram->memory_user;

    for (size_t i = 0; i < uploads->count; i++) {
        struct upload *upload = &uploads->uploads[i];
        const struct aisha_file *file = uploads->body->parts[upload->part].file;
        const char *stamp;
        uploads->failed_key = upload->blob.key;
        int r = memory->blob_stamp(user, uploads->arena, upload->blob.key, &stamp);
        if (r < 0)
            return r;
        /* with the id goes the name the file was uploaded under */
        upload->blob.stamp =
            arena_printf(uploads->arena, "%s %s", stamp, file->file_name ? file->file_name : "");
        upload->file_id = memory->file_id(user, uploads->arena, &upload->blob);
    }
    return 0;
}

static AISHA_ASYNC int find_ids_or_claim(struct uploads *uploads)
{
    for (;;) {
        int r = find_ids(uploads);
        if (r < 0)
            return r;
        struct upload *busy = find_busy(uploads);
        r = busy ? wait_for_other(uploads, busy) : -AISHA_E_TIMEOUT;
        if (r == -AISHA_E_CANCELED)
            return r;
        if (r == -AISHA_E_TIMEOUT) {
            claim_all(uploads);
            return 0;
        }
    }
}

/* ---- the body ---- */

static const struct upload *upload_of(const struct uploads *uploads, size_t part)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->uploads[i].part == part)
            return &uploads->uploads[i];
    return NULL;
}

static AISHA_ASYNC int fetch(struct uploads *uploads, const struct upload *upload,
                             struct codec_part *part)
{
    struct aisha_file *file = arena_memdup(uploads->arena, part->file, sizeof *file);

    int r = uploads->telegram->memory->blob_file(uploads->telegram->memory_user, uploads->arena,
                                                 upload->blob.key, &file->path);
    uploads->failed_key = upload->blob.key;
    file->blob = NULL;
    part->file = file;
    return r;
}

static const char *print(struct arena *arena, const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    if (!text)
        abort();
    arena_defer(arena, free, text);
    return text;
}

/* The parts of the album name what is sent for them. */
static const char *media_text(struct uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++) {
        const struct upload *upload = &uploads->uploads[i];
        const char *name =
            arena_printf(uploads->arena, "attach://%s", uploads->body->parts[upload->part].name);
        if (!upload->is_media)
            continue;
        cJSON *item = cJSON_IsArray(uploads->media)
                          ? cJSON_GetArrayItem(uploads->media, (int)upload->item)
                          : uploads->media;
        cJSON_ReplaceItemInObjectCaseSensitive(
            item, "media", cJSON_CreateString(upload->file_id ? upload->file_id : name));
    }
    return print(uploads->arena, uploads->media);
}

int uploads_build(struct uploads *uploads, struct codec_body *ret_body, const char **ret_key)
{
    const struct codec_body *body = uploads->body;
    struct codec_part *parts = arena_alloc(uploads->arena, body->part_count * sizeof *parts);
    size_t count = 0;

    int r = find_ids_or_claim(uploads);
    for (size_t i = 0; r == 0 && i < body->part_count; i++) {
        const struct upload *upload = upload_of(uploads, i);
        struct codec_part part = body->parts[i];
        if (upload && upload->file_id && upload->is_media)
            continue;
        if (upload && upload->file_id)
            part = (struct codec_part){.name = part.name, .value = upload->file_id};
        else if (upload)
            r = fetch(uploads, upload, &part);
        else if (uploads->media && part.value && strcmp(part.name, "media") == 0)
            part.value = media_text(uploads);
        parts[count++] = part;
    }
    *ret_body = (struct codec_body){.parts = parts, .part_count = count};
    *ret_key = uploads->failed_key;
    return r;
}

/* ---- afterwards ---- */

/* {"document":{"file_id":…}}; of a photo's sizes the last is the largest. */
static const char *id_in(const cJSON *message, const char *kind)
{
    const cJSON *media = cJSON_GetObjectItemCaseSensitive(message, kind);

    if (cJSON_IsArray(media))
        media = cJSON_GetArrayItem(media, cJSON_GetArraySize(media) - 1);
    return text_of(media, "file_id");
}

void uploads_keep(struct uploads *uploads, const cJSON *result)
{
    const struct telegram *telegram = uploads->telegram;

    for (size_t i = 0; i < uploads->count; i++) {
        const struct upload *upload = &uploads->uploads[i];
        const cJSON *message =
            cJSON_IsArray(result) ? cJSON_GetArrayItem(result, (int)upload->item) : result;
        const char *file_id = upload->file_id ? NULL : id_in(message, upload->blob.kind);
        if (file_id)
            telegram->memory->keep_file_id(telegram->memory_user, uploads->arena, &upload->blob,
                                           file_id);
    }
}

bool uploads_forget(struct uploads *uploads)
{
    const struct telegram *telegram = uploads->telegram;
    bool has_forgotten = false;

    uploads_close(uploads);
    for (size_t i = 0; i < uploads->count; i++) {
        struct upload *upload = &uploads->uploads[i];
        if (!upload->file_id)
            continue;
        telegram->memory->forget_file_id(telegram->memory_user, uploads->arena, &upload->blob);
        upload->file_id = NULL;
        has_forgotten = true;
    }
    return has_forgotten;
}
