/*
 * Lists that are turned page by page, galleries, and questions before something is destroyed. What
 * they remember is in their buttons and in the database, so that they go on working after a restart.
 *
 * A list and a gallery are one handler: it reads the page from the payload, shows it with
 * aisha_screen(), and is the callback of its own page buttons.
 *
 *     struct view {
 *         int32_t page; // first
 *         int32_t album;
 *     };
 *
 *     static AISHA_ASYNC int show(struct aisha_ctx *ctx, struct view view)
 *     {
 *         const struct aisha_pager *pager = aisha_pager(ctx, count, 1, view.page);
 *         struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
 *
 *         aisha_page_buttons(keyboard, pager, .callback = "photos", AISHA_PAYLOAD(view));
 *         return aisha_screen(ctx, .photo = AISHA_FILE(.blob = key_of(pager->offset)),
 *                             .text = caption, .keyboard = keyboard);
 *     }
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/reply.h>

struct aisha_ctx;

/* Where we are in a list; LIMIT and OFFSET of the query that reads the page. */
struct aisha_pager {
    size_t size;
    int64_t item_count;
    int64_t offset;     /* of the first item on the page */
    int32_t limit;      /* items on a full page */
    int32_t page;       /* from 0, and within the list even if that has become shorter */
    int32_t page_count; /* at least 1 */
};

AISHA_PUBLIC const struct aisha_pager *aisha_pager(struct aisha_ctx *ctx, int64_t item_count,
                                                   int32_t items_per_page, int32_t page);

/*
 * Adds a row « 2/7 », or nothing when all is on one page: back, this page again, forward; behind the
 * last page comes the first. Each is a button of that callback with that payload, whose struct
 * starts with `int32_t page`.
 */
#define aisha_page_buttons(keyboard, pager, ...)                                                   \
    aisha_page_buttons_(                                                                           \
        (keyboard), (pager),                                                                       \
        &(const struct aisha_button){.size = sizeof(struct aisha_button), __VA_ARGS__})

AISHA_PUBLIC void aisha_page_buttons_(struct aisha_keyboard *keyboard,
                                      const struct aisha_pager *pager,
                                      const struct aisha_button *button);

/*
 * A question with the buttons yes and no, shown as by aisha_screen(). It can be answered once, by
 * whom it was asked, within its time: every further press is told so and changes nothing.
 *
 *     return aisha_confirm(ctx, .key = "really_delete", .yes = "delete", AISHA_PAYLOAD(item));
 *
 * When the callback fails before it has written to the database, the question can be answered again.
 * One question for each unit of work.
 */
struct aisha_confirmation {
    size_t size;
    const char *text; /* one of three, as in reply.h */
    const char *html;
    const char *key;
    const char *yes;     /* a row of this plugin's .callbacks */
    const char *no;      /* the same; NULL: the host says that nothing was changed */
    const void *payload; /* of both, as far as their rows have one */
    size_t payload_size;
    const char *yes_key; /* the buttons' labels; NULL: yes and no */
    const char *no_key;
    int64_t ttl_s; /* 0 = one day */
};

#define aisha_confirm(ctx, ...)                                                                    \
    aisha_confirm_((ctx), &(const struct aisha_confirmation){                                      \
                              .size = sizeof(struct aisha_confirmation), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_confirm_(struct aisha_ctx *ctx, const struct aisha_confirmation *confirmation);
