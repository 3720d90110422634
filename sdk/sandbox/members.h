/*
 * Who is in a group, and what they may do there.
 *
 * A ChatMember of the Bot API is kept for everybody who has ever been in a group, the bot included.
 * The group's maker owns it. Whoever has never been there has "left".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;
struct world;

/* Stands for the bot where a user's id is meant; the bot's own id will do as well. */
#define THE_BOT INT64_C(0)

/* Names of the rights of administrators, and of what other members may be allowed; each ends with
 * NULL. */
extern const char *const member_rights[], *const member_permissions[];

/* The ChatMember as it is now, when bans and restrictions that have run out are over. */
cJSON *members_find(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id);

/* All who are in the group, the owner first. */
cJSON *members_list(struct world *world, struct arena *arena, int64_t chat_id);

bool member_is(const cJSON *member, const char *status);
bool member_is_there(const cJSON *member);
bool member_is_administrator(const cJSON *member); /* or the owner */

/* A ChatMember with that status, and what goes with it: rights = all that administrators have by
 * default, permissions = none. user_id as above. */
cJSON *members_new(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id,
                   const char *status);

/* Whether that member has the right, or the permission: by its rank, else by the group's
 * permissions. */
bool members_may(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *member,
                 const char *right);

struct member_change {
    int64_t chat_id;
    const cJSON *actor;       /* the User who does it */
    const cJSON *member;      /* what the ChatMember is from now on */
    const cJSON *invite_link; /* NULL = none was used */
    bool is_request;          /* a join request was approved */
    bool is_unannounced;      /* the chat does not show it */
    bool is_silent;           /* nor is the bot told */
};

/*
 * Keeps it, shows a service message when somebody comes or goes, and tells the bot: my_chat_member,
 * and chat_member when it is an administrator.
 */
void members_change(struct sandbox *sandbox, struct arena *arena,
                    const struct member_change *change);

/* Makes the user a member, silently, unless he is one. false: he is banned. */
bool members_enter(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t user_id);
