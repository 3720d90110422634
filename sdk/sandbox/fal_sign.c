#include "sdk/sandbox/fal_sign.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "host/core/arena.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { SEED = 32, SIGNATURE = 64 };

/* The record {newest, before?}: private seeds, in hexadecimal digits. */
static const char kind[] = "setting", id[] = "fal_keys", user_id[] = "sandbox";

static const char *hex(struct arena *arena, const unsigned char *bytes, size_t size)
{
    char *text = arena_alloc(arena, 2 * size + 1);

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

static const char *new_seed(struct arena *arena)
{
    unsigned char seed[SEED];

    if (RAND_bytes(seed, sizeof seed) != 1)
        abort();
    return hex(arena, seed, sizeof seed);
}

static EVP_PKEY *key_of(const char *seed)
{
    unsigned char bytes[SEED];

    for (size_t i = 0; i < SEED; i++) {
        const char digits[] = {seed[2 * i], seed[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
    if (!key)
        abort();
    return key;
}

static cJSON *keys(struct fal *fal, struct arena *arena)
{
    struct world *world = fal->sandbox->world;
    cJSON *record = world_record(world, arena, kind, id);

    if (!record) {
        record = json_keep(arena, cJSON_CreateObject());
        json_set_text(record, "newest", new_seed(arena));
        world_put_record(world, arena, kind, id, record);
    }
    return record;
}

void fal_rotate_key(struct fal *fal, bool is_sudden)
{
    struct arena arena = {0};
    const cJSON *old = keys(fal, &arena);
    cJSON *record = json_keep(&arena, cJSON_CreateObject());

    json_set_text(record, "newest", new_seed(&arena));
    if (!is_sudden)
        json_set_text(record, "before", json_get_text(old, "newest"));
    world_put_record(fal->sandbox->world, &arena, kind, id, record);
    arena_clear(&arena);
}

/* Without padding, as keys are written. */
static const char *base64url(struct arena *arena, const unsigned char *bytes, int size)
{
    char *text = arena_alloc(arena, (size_t)(size + 2) / 3 * 4 + 1);

    EVP_EncodeBlock((unsigned char *)text, bytes, size);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    text[strcspn(text, "=")] = '\0';
    return text;
}

const char *fal_jwks(struct fal *fal, struct arena *arena)
{
    cJSON *answer = json_keep(arena, cJSON_CreateObject());
    cJSON *list = cJSON_AddArrayToObject(answer, "keys");
    const cJSON *seed;

    cJSON_ArrayForEach(seed, keys(fal, arena)) {
        unsigned char bytes[SEED];
        size_t size = sizeof bytes;
        EVP_PKEY *key = key_of(seed->valuestring);
        cJSON *item = cJSON_CreateObject();
        if (EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1)
            abort();
        EVP_PKEY_free(key);
        json_set_text(item, "kty", "OKP");
        json_set_text(item, "crv", "Ed25519");
        json_set_text(item, "use", "sig");
        json_set_text(item, "alg", "EdDSA");
        json_set_text(item, "x", base64url(arena, bytes, (int)size));
        cJSON_AddItemToArray(list, item);
    }
    return json_text(arena, answer);
}

struct fal_signature fal_sign(struct fal *fal, struct arena *arena, const char *request_id,
                              int64_t timestamp, const char *body, bool is_forged)
{
    unsigned char digest[EVP_MAX_MD_SIZE], signature[SIGNATURE];
    unsigned int digest_size = 0;
    size_t size = sizeof signature;
    const char *seed = is_forged ? new_seed(arena) : json_get_text(keys(fal, arena), "newest");
    EVP_PKEY *key = key_of(seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context || !EVP_Digest(body, strlen(body), digest, &digest_size, EVP_sha256(), NULL))
        abort();
    const char *text = arena_printf(arena, "%" PRId64, timestamp);
    const char *message = arena_printf(arena, "%s\n%s\n%s\n%s", request_id, user_id, text,
                                       hex(arena, digest, digest_size));
    if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char *)message,
                       strlen(message)) != 1)
        abort();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return (struct fal_signature){request_id, user_id, text, hex(arena, signature, size)};
}
