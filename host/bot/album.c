#include "host/bot/album.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/telegram/codec.h"

enum { QUIET_S = 1 };

struct albums {
    struct loop *loop;
    struct open_album *all;
};

struct open_album {
    struct albums *albums;
    struct album *album;
    struct event *timer;
    struct wait *waiter; /* NULL when nobody waits yet */
    char *key;
    UT_hash_handle hh;
};

int albums_new(struct albums **ret_albums, struct loop *loop)
{
    struct albums *albums = calloc(1, sizeof *albums);

    if (!albums)
        return -ENOMEM;
    albums->loop = loop;
    *ret_albums = albums;
    return 0;
}

void albums_free(struct albums *albums)
{
    assert(!albums || !albums->all);
    free(albums);
}

static const cJSON *message_of(const struct inbox_item *item)
{
    return cJSON_GetObjectItemCaseSensitive(item->update, "message");
}

static const char *group_of(const struct inbox_item *item)
{
    return cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(message_of(item), "media_group_id"));
}

static int64_t chat_id_of(const struct inbox_item *item)
{
    const cJSON *chat = cJSON_GetObjectItemCaseSensitive(message_of(item), "chat");

    return codec_integer(cJSON_GetObjectItemCaseSensitive(chat, "id"));
}

bool album_has(const struct inbox_item *item)
{
    return group_of(item) && chat_id_of(item);
}

static const char *key_of(struct arena *arena, const struct inbox_item *item)
{
    return arena_printf(arena, "%lld %s", (long long)chat_id_of(item), group_of(item));
}

/* Nothing is added to it any more. */
static void close_album(struct open_album *open, int result)
{
    if (open->waiter)
        wait_wake(open->waiter, result);
    open->album->open = NULL;
    HASH_DEL(open->albums->all, open);
    event_free(open->timer);
    free(open->key);
    free(open);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    close_album(arg, 0);
}

static void wait_for_more(struct open_album *open)
{
    const struct timeval quiet = {.tv_sec = QUIET_S};

    if (evtimer_add(open->timer, &quiet) < 0)
        abort(); /* no memory */
}

bool albums_add(struct albums *albums, const struct inbox_item *item)
{
    struct arena arena = {0};
    const char *key = key_of(&arena, item);
    struct open_album *open;

    HASH_FIND_STR(albums->all, key, open);
    arena_clear(&arena);
    if (!open)
        return false;
    open->album->items[open->album->count++] = *item;
    if (open->album->count == ALBUM_MAX)
        close_album(open, 0);
    else
        wait_for_more(open);
    return true;
}

struct album *albums_open(struct albums *albums, const struct inbox_item *item)
{
    struct album *album = calloc(1, sizeof *album);
    struct open_album *open = calloc(1, sizeof *open);
    struct arena arena = {0};

    if (!album || !open)
        abort();
    *open = (struct open_album){.albums = albums,
                                .album = album,
                                .timer = evtimer_new(loop_base(albums->loop), on_quiet, open),
                                .key = strdup(key_of(&arena, item))};
    if (!open->timer || !open->key)
        abort();
    arena_clear(&arena);
    *album = (struct album){.items = {*item}, .count = 1, .open = open};
    HASH_ADD_KEYPTR(hh, albums->all, open->key, strlen(open->key), open);
    wait_for_more(open);
    return album;
}

int album_wait(struct album *album)
{
    struct open_album *open = album->open;
    struct wait closed;

    if (!open)
        return 0;
    wait_init(&closed, open->albums->loop);
    open->waiter = &closed;
    int r = wait_for(&closed, WAIT_FOREVER);
    if (album->open) /* cancelled */
        album->open->waiter = NULL;
    return r;
}

void album_free(struct album *album)
{
    if (album && album->open)
        close_album(album->open, 0);
    free(album);
}

void albums_stop(struct albums *albums)
{
    struct open_album *open, *next;

    HASH_ITER(hh, albums->all, open, next)
    close_album(open, -AISHA_E_CANCELED);
}
