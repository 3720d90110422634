/*
 * What the host knows about each kind of update, one row for each: where it says who and where,
 * what it must not be mixed up with, and how long an answer to it is worth anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>
#include <aisha/bot_api.h>

#include "host/bot/lanes.h"

struct arena;

struct update_kind {
    const char *name;    /* field of Update */
    const char *message; /* its member that is a Message, "" = it is one itself; NULL = none */
    const char *chat;    /* its member that is a Chat; NULL = that of the message, or none */
    const char *chat_id; /* instead: a member that is the chat's number */
    const char *person;  /* its member that is a User, or NULL */
    enum lane_kind lane;
    const char *answer; /* method that answers it, or NULL */
    int64_t life_s;     /* after that nobody takes an answer, so it is dropped; 0 = unlimited */
    bool is_question;   /* answering is all there is to do: its handler ends with its life */
    bool is_ours;       /* the host handles it whatever the plugins do, with tables of its own */
    bool is_watched;    /* the host looks at it beside the plugins that handle it */
};

enum { UPDATE_KINDS_MAX = 64 };

extern const struct update_kind update_kinds[];
extern const size_t update_kind_count;

/* NULL when there is none. */
const struct update_kind *update_kind_find(const char *name);

/* The kind of an update as it came, and what it carries; NULL when we do not know it. */
const struct update_kind *update_kind_of(const cJSON *update, const cJSON **ret_payload);

/* Who did it, as a Telegram id; 0 when nobody is named. */
int64_t update_person(const cJSON *update);

/* The lane it waits in, known before anything is built from it. */
struct lane_key update_lane(const cJSON *update, int64_t update_id);

/* An update in the types of the Bot API, and the facts that everybody asks for. */
struct update_view {
    const struct update_kind *kind; /* NULL = one that came after this version */
    const struct aisha_update *update;
    const struct aisha_message *message;
    const struct aisha_user *from;
    const char *business_connection_id; /* on whose behalf; NULL = the bot's own */
    int64_t chat_id, thread_id, direct_topic_id;
    bool is_private; /* a person and the bot, nobody else */
};

/* Everything in *ret is the arena's. -AISHA_E_INVALID when the update makes no sense. */
AISHA_CHECKED int update_read(struct arena *arena, const cJSON *update, struct update_view *ret);
