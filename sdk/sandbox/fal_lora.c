/*
 * Weights: a file in the layout of safetensors that says what it was trained from. It is recognised
 * by the hash of all its bytes, wherever it was copied: the record "fal_lora" by that hash.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "host/core/arena.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { RANK = 16, HEAD_ROOM = 8 };

static const char kind[] = "fal_lora";

static const char *hash_of(struct arena *arena, const void *bytes, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    char *hex = arena_alloc(arena, 2 * sizeof digest + 1);

    if (!EVP_Digest(bytes, size, digest, &length, EVP_sha256(), NULL))
        abort();
    for (unsigned int i = 0; i < length; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
}

/* The JSON at the head of the file: what is in it and where. */
static const char *head_of(struct arena *arena, const struct fal_lora *lora, size_t data_size)
{
    cJSON *head = json_keep(arena, cJSON_CreateObject());
    cJSON *metadata = cJSON_AddObjectToObject(head, "__metadata__");
    cJSON *tensor = cJSON_AddObjectToObject(
        head, "transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight");
    const double shape[] = {RANK, (double)(data_size / RANK / sizeof(float))};
    const double offsets[] = {0, (double)data_size};

    json_set_text(metadata, "format", "pt");
    json_set_text(metadata, "sandbox_lora", lora->id);
    json_set_text(metadata, "trainer", lora->trainer);
    if (lora->trigger)
        json_set_text(metadata, "trigger", lora->trigger);
    json_set_text(metadata, "steps", arena_printf(arena, "%" PRId64, lora->steps));
    json_set_text(tensor, "dtype", "F32");
    json_set(tensor, "shape", cJSON_CreateDoubleArray(shape, 2));
    json_set(tensor, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
    const char *text = json_text(arena, head);
    return arena_printf(arena, "%s%*s", text, (int)(HEAD_ROOM - strlen(text) % HEAD_ROOM), "");
}

/* Small numbers, different for each id. */
static void fill(unsigned char *data, size_t size, const char *id)
{
    uint64_t state = 1;

    for (const char *c = id; *c; c++)
        state = state * 31 + (unsigned char)*c;

    for (size_t i = 0; i + sizeof(float) <= size; i += sizeof(float)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        float weight = ((float)(state >> 40) / (float)(1 << 24) - 0.5f) / 64;
        memcpy(data + i, &weight, sizeof weight);
    }
}

static void remember(struct world *world, struct arena *arena, const struct fal_lora *lora,
                     const char *hash)
{
    cJSON *record = json_keep(arena, cJSON_CreateObject());

    json_set_text(record, "id", lora->id);
    json_set_text(record, "trainer", lora->trainer);
    if (lora->trigger)
        json_set_text(record, "trigger", lora->trigger);
    json_set_int(record, "steps", lora->steps);
    json_set_int(record, "images", lora->images);
    if (lora->portrait.size) {
        cJSON *object = json_keep(arena, cJSON_CreateObject());
        world_add_file(world, arena, "document", object, lora->portrait.bytes, lora->portrait.size);
        json_set_text(record, "portrait", json_get_text(object, "file_id"));
    }
    world_put_record(world, arena, kind, hash, record);
}

cJSON *fal_make_lora(struct fal_work *work, const struct fal_lora *made)
{
    struct arena *arena = work->arena;
    struct fal_lora lora = *made;

    lora.id = world_random_name(arena);
    size_t unit = RANK * sizeof(float);
    size_t data_size = (size_t)work->fal->settings.weights_bytes / unit * unit;
    const char *head = head_of(arena, &lora, data_size);
    uint64_t head_size = strlen(head);
    size_t size = sizeof head_size + head_size + data_size;
    unsigned char *bytes = arena_alloc(arena, size);
    for (size_t i = 0; i < sizeof head_size; i++)
        bytes[i] = (unsigned char)(head_size >> 8 * i);
    memcpy(bytes + sizeof head_size, head, head_size);
    fill(bytes + sizeof head_size + head_size, data_size, lora.id);
    remember(work->fal->sandbox->world, arena, &lora, hash_of(arena, bytes, size));
    return fal_add_file(work->fal, arena, work->base, "pytorch_lora_weights.safetensors",
                        "application/octet-stream", bytes, size);
}

bool fal_find_lora(struct fal *fal, struct arena *arena, struct fal_bytes weights,
                   struct fal_lora *ret_lora)
{
    struct world *world = fal->sandbox->world;
    const cJSON *record =
        world_record(world, arena, kind, hash_of(arena, weights.bytes, weights.size));
    const char *portrait = json_get_text(record, "portrait");

    if (!record)
        return false;
    *ret_lora = (struct fal_lora){.id = json_get_text(record, "id"),
                                  .trigger = json_get_text(record, "trigger"),
                                  .trainer = json_get_text(record, "trainer"),
                                  .steps = json_get_int(record, "steps", 0),
                                  .images = json_get_int(record, "images", 0)};
    if (portrait)
        ret_lora->portrait.bytes =
            world_file_bytes(world, arena, portrait, &ret_lora->portrait.size);
    return true;
}
