#include "host/store/user_copies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/copies.h"
#include "host/store/users.h"

enum {
    MAX_COPIES = 4096,
    MAX_LOOKED_AT = 16, /* that are in doubt, to find one that can go */
};

enum text { ID, LOCALE, FIRST_NAME, LAST_NAME, USERNAME, LANGUAGE_CODE, TEXT_COUNT };

struct copy {
    int64_t telegram_id;
    bool is_kept, is_away;
    int64_t until_ms; /* it is kept, or not to be kept again */
    char
        *texts[TEXT_COUNT]; /* NULL where there is none; all in one block, which the first begins */
    UT_hash_handle hh;
};

struct user_copies {
    struct loop *loop;
    struct copy *copies; /* oldest first */
};

int user_copies_new(struct user_copies **ret_copies, struct loop *loop)
{
    struct user_copies *copies = calloc(1, sizeof *copies);

    if (!copies)
        return -ENOMEM;
    copies->loop = loop;
    *ret_copies = copies;
    return 0;
}

static void copy_free(struct user_copies *copies, struct copy *copy)
{
    HASH_DEL(copies->copies, copy);
    free(copy->texts[ID]);
    free(copy);
}

void user_copies_free(struct user_copies *copies)
{
    struct copy *copy, *next;

    if (!copies)
        return;
    HASH_ITER(hh, copies->copies, copy, next)
    copy_free(copies, copy);
    free(copies);
}

static struct copy *find(struct user_copies *copies, int64_t telegram_id)
{
    struct copy *copy;

    HASH_FIND(hh, copies->copies, &telegram_id, sizeof telegram_id, copy);
    return copy;
}

bool user_copies_find(struct user_copies *copies, struct arena *arena,
                      const struct user_profile *profile, struct user *ret_user)
{
    const struct copy *copy = find(copies, profile->telegram_id);

    if (!copy || !copy->is_kept || copy->until_ms <= loop_now_ms(copies->loop))
        return false;
    const struct user_profile kept = {.telegram_id = copy->telegram_id,
                                      .first_name = copy->texts[FIRST_NAME],
                                      .last_name = copy->texts[LAST_NAME],
                                      .username = copy->texts[USERNAME],
                                      .language_code = copy->texts[LANGUAGE_CODE]};
    if (!user_profile_equals(&kept, profile))
        return false;
    *ret_user = (struct user){.id = arena_strdup(arena, copy->texts[ID]),
                              .locale = arena_strdup(arena, copy->texts[LOCALE]),
                              .language_code = arena_strdup(arena, copy->texts[LANGUAGE_CODE]),
                              .telegram_id = copy->telegram_id,
                              .is_away = copy->is_away};
    return true;
}

/* ---- keeping ---- */

static void add(struct user_copies *copies, struct copy *copy)
{
    HASH_ADD(hh, copies->copies, telegram_id, sizeof copy->telegram_id, copy);
}

/* Lets go of the oldest, but what says that something is in doubt goes to the end. */
static void make_room(struct user_copies *copies)
{
    int64_t now_ms = loop_now_ms(copies->loop);

    for (int i = 0; i < MAX_LOOKED_AT && HASH_COUNT(copies->copies) >= MAX_COPIES; i++) {
        struct copy *oldest = copies->copies;
        if (oldest->is_kept || oldest->until_ms <= now_ms) {
            copy_free(copies, oldest);
        } else {
            HASH_DEL(copies->copies, oldest);
            add(copies, oldest);
        }
    }
}

/* A new one is not kept yet. */
static struct copy *get(struct user_copies *copies, int64_t telegram_id)
{
    struct copy *copy = find(copies, telegram_id);

    if (copy)
        return copy;
    make_room(copies);
    copy = calloc(1, sizeof *copy);
    if (!copy)
        abort();
    copy->telegram_id = telegram_id;
    add(copies, copy);
    return copy;
}

static void drop_texts(struct copy *copy)
{
    free(copy->texts[ID]);
    memset(copy->texts, 0, sizeof copy->texts);
    copy->is_kept = false;
}

static void take_texts(struct copy *copy, const char *const texts[TEXT_COUNT])
{
    size_t sizes[TEXT_COUNT], size = 0;

    for (size_t i = 0; i < TEXT_COUNT; i++)
        size += sizes[i] = texts[i] ? strlen(texts[i]) + 1 : 0;
    char *at = malloc(size);
    if (!at)
        abort();
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i])
            copy->texts[i] = memcpy(at, texts[i], sizes[i]);
        at += sizes[i];
    }
}

void user_copies_keep(struct user_copies *copies, const struct user_profile *profile,
                      const struct user *user)
{
    struct copy *copy = get(copies, profile->telegram_id);

    if (!copy->is_kept && copy->until_ms > loop_now_ms(copies->loop))
        return;
    drop_texts(copy);
    take_texts(copy, (const char *const[TEXT_COUNT]){
                         [ID] = user->id,
                         [LOCALE] = user->locale,
                         [FIRST_NAME] = profile->first_name,
                         [LAST_NAME] = profile->last_name,
                         [USERNAME] = profile->username,
                         [LANGUAGE_CODE] = profile->language_code,
                     });
    copy->is_away = user->is_away;
    copy->is_kept = true;
    copy->until_ms = loop_now_ms(copies->loop) + COPIES_TTL_MS;
}

void user_copies_drop(struct user_copies *copies, int64_t telegram_id)
{
    struct copy *copy = find(copies, telegram_id);

    if (copy && copy->is_kept)
        copy_free(copies, copy);
}

void user_copies_forget(struct user_copies *copies, int64_t telegram_id)
{
    struct copy *copy = get(copies, telegram_id);

    drop_texts(copy);
    copy->until_ms = loop_now_ms(copies->loop) + COPIES_DOUBT_MS;
}
