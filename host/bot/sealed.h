/*
 * Encrypted values of the configuration:
 *
 *     enc:v1:BASE64           may stand anywhere
 *     enc:v1:NAME:BASE64      only for the key NAME, such as openai.api_key ([openai] api_key)
 *
 * AES-256-GCM; BASE64 is nonce (12 bytes), ciphertext, tag (16 bytes), and may contain white space.
 * What stands in front of it is authenticated: who can write the file, but has no key, cannot make a
 * secret appear where it would be shown.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;

enum { MASTER_KEY_SIZE = 32 };

struct master_key {
    uint8_t bytes[MASTER_KEY_SIZE];
};

/* 44 (or 43) characters of base64, or 64 hexadecimal digits; white space at the end is passed over.
 * Returns what is wrong, in arena, or NULL. */
const char *master_key_parse(struct arena *arena, const char *text, struct master_key *ret_key);

/* A new one as base64, in arena; NULL when the system has no randomness. */
const char *master_key_new(struct arena *arena);

bool is_sealed(const char *text); /* begins with "enc:" */

/* A name that a value can be bound to: letters, digits, "_", "-" and "." */
bool is_seal_name(const char *name);

/* name NULL = it may stand anywhere. NULL when libcrypto fails. */
const char *seal(struct arena *arena, const struct master_key *key, const char *name,
                 const char *value);

/* The value of a sealed text that stands at name (NULL = do not ask). NULL when there is none: then
 * ret_cause and ret_remedy say why. */
const char *unseal(struct arena *arena, const struct master_key *key, const char *name,
                   const char *text, const char **ret_cause, const char **ret_remedy);
