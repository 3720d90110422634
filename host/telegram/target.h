/*
 * What the parameters of a call say about where it goes and what it counts for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct api_type;
struct arena;
struct codec_body;
struct outbound_call;

/* Fills chat_id, messages and the edit of the turn; chat_id stays 0 when the call does not wait for
 * one: there is no chat, or the method only reads. A chat that is given by its name gets an id of
 * its own, which Telegram does not use. */
void target_of_params(const char *method, const struct api_type *type, const void *params,
                      struct outbound_call *turn);
void target_of_json(const char *method, const cJSON *params, struct outbound_call *turn);

/* Only groups of the old kind move. */
bool target_can_move(int64_t chat_id);

/* Makes the call go to another chat. */
void target_move(struct arena *arena, struct codec_body *body, int64_t chat_id);
