/* Keys for rows. */
#pragma once

struct arena;

/* A version 7 UUID (RFC 9562) as text: time in front, so that later keys sort later. */
const char *uuid_new(struct arena *arena);
