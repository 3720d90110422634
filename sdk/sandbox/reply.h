/*
 * What a message replies to: a message of the same chat, or of another one, and the part of it that
 * is quoted.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;
struct place;

/*
 * Reads reply_parameters into the members of the message that is made ("reply_to_message",
 * "external_reply", "quote", …), which stay out when it replies to nothing. A reply stands in the
 * topic of its original: place may change.
 */
AISHA_CHECKED int reply_read(struct call *call, struct place *place, cJSON *members);

/* Makes the message, of the same chat, the reply to original. */
void reply_set(cJSON *message, const cJSON *original);

/* Who wrote the message first: a MessageOrigin; the arena owns it. */
cJSON *message_origin(struct arena *arena, const cJSON *message);
