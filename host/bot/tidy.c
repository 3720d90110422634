#include "host/bot/tidy.h"

#include <stdlib.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/store/unfinished.h"
#include "host/telegram/client.h"

struct tidy {
    struct bot *bot;
    struct arena arena;
    const struct unfinished *messages;
    size_t count;
};

static AISHA_ASYNC int tell(struct tidy *tidy, const struct unfinished *message)
{
    struct telegram_failure failure;
    const struct aisha_edit_message_text_params params = {
        .size = sizeof params,
        .chat_id = message->chat_id,
        .message_id = message->message_id,
        .text = bot_table_text(tidy->bot, &tidy->arena, NULL, message->locale, "@interrupted"),
    };

    int r = telegram_call(tidy->bot->telegram, &tidy->arena, "editMessageText", &params, NULL,
                          &failure);
    if (r < 0 && r != -AISHA_E_TELEGRAM)
        return r; /* for the next start */
    return unfinished_remove(tidy->bot->db, &tidy->arena, message);
}

static AISHA_ASYNC void run(void *arg)
{
    struct tidy *tidy = arg;

    for (size_t i = 0; i < tidy->count; i++) {
        int r = tell(tidy, &tidy->messages[i]);
        if (r == -AISHA_E_CANCELED)
            break;
        if (r < 0)
            log_warn("bot", "chat=%lld a message that shows progress could not be corrected: %s",
                     (long long)tidy->messages[i].chat_id, aisha_error_text(r));
    }
    arena_clear(&tidy->arena);
    free(tidy);
}

int tidy_start(struct bot *bot)
{
    struct tidy *tidy = calloc(1, sizeof *tidy);

    if (!tidy)
        abort();
    tidy->bot = bot;
    int r = unfinished_list(bot->db, &tidy->arena, bot->id, &tidy->messages, &tidy->count);
    if (r == 0 && tidy->count > 0)
        r = task_start(bot->loop, "tidy", run, tidy, NULL);
    if (r == 0 && tidy->count > 0)
        return 0;
    arena_clear(&tidy->arena);
    free(tidy);
    return r;
}
