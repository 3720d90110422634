/*
 * The SDK: pages of list.h.
 */
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/ctx.h"
#include "host/bot/keyboard.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"

const struct aisha_pager *aisha_pager(struct aisha_ctx *ctx, int64_t item_count,
                                      int32_t items_per_page, int32_t page)
{
    struct aisha_pager *pager = arena_alloc(&ctx->arena, sizeof *pager);
    int32_t limit = items_per_page > 0 ? items_per_page : 1;
    int64_t count = item_count > 0 ? item_count : 0;
    int64_t pages = count > 0 ? (count - 1) / limit + 1 : 1;

    pages = pages < INT32_MAX ? pages : INT32_MAX;
    page = page < 0 ? 0 : page < pages ? page : (int32_t)pages - 1;
    *pager = (struct aisha_pager){
        .size = sizeof *pager,
        .item_count = count,
        .offset = (int64_t)page * limit,
        .limit = limit,
        .page = page,
        .page_count = (int32_t)pages,
    };
    return pager;
}

static void add_page_button(struct aisha_keyboard *keyboard, struct aisha_button button,
                            const char *text, int32_t page)
{
    uint8_t payload[AISHA_PAYLOAD_MAX];

    memcpy(payload, button.payload, button.payload_size);
    memcpy(payload, &page, sizeof page);
    button.payload = payload;
    button.text = text;
    button.key = NULL;
    aisha_button_(keyboard, &button);
}

void aisha_page_buttons_(struct aisha_keyboard *keyboard, const struct aisha_pager *pager,
                         const struct aisha_button *button)
{
    int32_t count = pager->page_count, page = pager->page;
    bool is_gallery = pager->limit == 1;
    struct aisha_button own;

    sized_copy(&own, sizeof own, button);
    if (own.payload_size < sizeof page || own.payload_size > AISHA_PAYLOAD_MAX) {
        keyboard_mistake(keyboard, "the payload of page buttons starts with int32_t page");
        return;
    }
    if (count <= 1)
        return;
    aisha_row(keyboard);
    add_page_button(keyboard, own, is_gallery ? "‹" : "«", page > 0 ? page - 1 : count - 1);
    add_page_button(keyboard, own, keyboard_printf(keyboard, "%d/%d", page + 1, count), page);
    add_page_button(keyboard, own, is_gallery ? "›" : "»", page < count - 1 ? page + 1 : 0);
    aisha_row(keyboard);
}
