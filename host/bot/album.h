/*
 * Photos and files that were sent together arrive as messages of their own, and nothing says which
 * is the last. An album is open for more until a second has passed without any, or ten are there.
 *
 * The items stay what the inbox knows: after a crash those that are not done come again, and make
 * an album again. One that comes too late opens another album.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

#include "host/store/inbox.h"

struct albums; /* those that are open */
struct loop;

enum { ALBUM_MAX = 10 };

struct album {
    struct inbox_item items[ALBUM_MAX];
    size_t count;
    struct open_album *open; /* NULL once it is closed */
};

int albums_new(struct albums **ret_albums, struct loop *loop);

/* No album may be left. NULL is fine. */
void albums_free(struct albums *albums);

/* Whether the update is an item of an album. */
bool album_has(const struct inbox_item *item);

/* Puts the item into the open album it belongs to. false when there is none. */
bool albums_add(struct albums *albums, const struct inbox_item *item);

/* Opens an album with its first item. */
struct album *albums_open(struct albums *albums, const struct inbox_item *item);

/* Waits until it is closed. Fails with -AISHA_E_CANCELED when that will not be. */
AISHA_ASYNC AISHA_CHECKED int album_wait(struct album *album);

/* NULL is fine. */
void album_free(struct album *album);

/* Closes all of them, incomplete as they are: those who wait give up. */
void albums_stop(struct albums *albums);
