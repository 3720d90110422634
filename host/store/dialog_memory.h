/*
 * The process' own memory of dialogues, for dialog_copies.h: a bounded table, in which a key has at
 * most one entry and the number that it was put under.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

#include "host/store/dialog.h"

struct dialog_memory;
struct loop;

/* Borrows the loop. -ENOMEM. */
int dialog_memory_new(struct dialog_memory **ret_memory, struct loop *loop);

/* NULL is fine. */
void dialog_memory_free(struct dialog_memory *memory);

/* 0 with *ret_dialog in arena, -AISHA_E_NOT_FOUND when nothing is pending, or DIALOG_NOT_REMEMBERED. */
enum { DIALOG_NOT_REMEMBERED = 1 };

int dialog_memory_get(struct dialog_memory *memory, struct arena *arena,
                      const struct dialog_key *key, uint64_t number, struct dialog *ret_dialog);

/* dialog NULL = nothing is pending. What is very large is not kept. */
void dialog_memory_put(struct dialog_memory *memory, const struct dialog_key *key, uint64_t number,
                       const struct dialog *dialog);
