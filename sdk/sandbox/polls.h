/*
 * Polls: what they ask and who voted for what. A poll is one thing, however many messages show it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;

/*
 * Keeps a new poll: its Poll object without id and counts, which it gets. is_bots = the bot made it, and
 * is told of votes.
 */
void poll_add(struct sandbox *sandbox, struct arena *arena, cJSON *poll, bool is_bots);

/* The message shows the poll: it changes when the poll does. */
void poll_shown(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* Closes it when its time has come; what it is now, or NULL. */
cJSON *poll_find(struct sandbox *sandbox, struct arena *arena, const char *id);

/* The numbers of the options, by the id of the user; NULL when there is no such poll. */
const cJSON *poll_votes(struct sandbox *sandbox, struct arena *arena, const char *id);

/* A vote; an empty list takes it back. NULL, or what is wrong with it. */
const char *poll_vote(struct sandbox *sandbox, struct arena *arena, const char *id,
                      const cJSON *user, const cJSON *option_ids);

/* Closes it for good. */
void poll_stop(struct sandbox *sandbox, struct arena *arena, const char *id);

/* Ends polls when their time has come, until it is done. */
int polls_start(struct sandbox *sandbox);
void polls_done(struct sandbox *sandbox);

/* Control calls. */
struct control;
void control_vote(struct control *control);
