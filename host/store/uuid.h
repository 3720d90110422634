/* Keys for rows. */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct arena;

enum { UUID_BYTES = 16 };

/* A version 7 UUID (RFC 9562) as text: time in front, so that later keys sort later. */
const char *uuid_new(struct arena *arena);

/* Text to bytes and back. -AISHA_E_INVALID for a text of another form. */
AISHA_CHECKED int uuid_pack(const char *text, uint8_t ret_bytes[UUID_BYTES]);
const char *uuid_text(struct arena *arena, const uint8_t bytes[UUID_BYTES]);
