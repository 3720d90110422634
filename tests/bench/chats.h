/*
 * The people who write to the bot, and what each of them has to get for an answer. Somebody has at
 * most `depth` updates on the way; whose answer has come writes again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chats;

enum work {
    WORK_ECHO,     /* a text, and the same text back */
    WORK_DIALOGUE, /* /order, a name, a number; each is answered, the last with both */
    WORK_WAIT,     /* a handler that waits for the slow server, and then says so */
};

enum { UPDATE_BYTES = 2048, CHATS_MAX_DEPTH = 4 };

/* first_id: of the chats, of ten digits. */
struct chats *chats_new(enum work work, int64_t first_id, size_t count, unsigned depth);

void chats_free(struct chats *chats);

/* How many updates could come now. */
size_t chats_ready(const struct chats *chats);

/* Writes one of them, whose age counts from since_ns; returns its size. */
size_t chats_write_update(struct chats *chats, int64_t update_id, uint64_t since_ns,
                          char update[UPDATE_BYTES]);

bool chats_has(const struct chats *chats, int64_t chat_id);

/* Takes an answer (JSON text, escaped); ends the program when it is not the one that is due. Returns
 * how long it took. */
uint64_t chats_take_answer(struct chats *chats, int64_t chat_id, const char *text, size_t size);
