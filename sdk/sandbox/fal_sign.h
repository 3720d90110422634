/*
 * Ed25519 signatures of webhooks, and the keys that check them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct fal;

/* What the headers of one message say. */
struct fal_signature {
    const char *request_id, *user_id, *timestamp;
    const char *hex; /* of the signature */
};

/* Signs the body with the newest key, or with one that nobody knows. */
struct fal_signature fal_sign(struct fal *fal, struct arena *arena, const char *request_id,
                              int64_t timestamp, const char *body, bool is_forged);

/* {"keys": […]}: the newest key, and the one before it unless the change was sudden. */
const char *fal_jwks(struct fal *fal, struct arena *arena);
void fal_rotate_key(struct fal *fal, bool is_sudden);
