/*
 * Whether a webhook is the provider's: Ed25519 over its headers and the hash of its raw body.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGNATURE_KEY_BYTES = 32, SIGNATURE_KEYS_MOST = 8, SIGNATURE_TOLERANCE_S = 300 };

struct signature_keys {
    uint8_t keys[SIGNATURE_KEYS_MOST][SIGNATURE_KEY_BYTES];
    size_t count;
};

/* The headers as they came; NULL = missing. */
struct signature {
    const char *request_id, *user_id, *timestamp, *hex;
};

enum signature_fault {
    SIGNATURE_GOOD = 0,
    SIGNATURE_MISSING, /* a header is not there */
    SIGNATURE_ODD,     /* one cannot be read */
    SIGNATURE_OLD,     /* or from the future */
    SIGNATURE_WRONG,   /* by none of the keys */
};

/* Takes a key out of the "x" of a JWK, base64url; false when it is not one. */
bool signature_add_key(struct signature_keys *keys, const char *x);

/* All but whether the keys fit: cheap, and first. */
enum signature_fault signature_check_headers(const struct signature *signature, int64_t now);

/* All. */
enum signature_fault signature_check(const struct signature *signature,
                                     const struct signature_keys *keys, const void *body,
                                     size_t body_size, int64_t now);

/* "missing", … */
const char *signature_fault_name(enum signature_fault fault);
