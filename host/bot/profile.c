/*
 * setMyCommands once for each language, and once for everybody else.
 */
#include "host/bot/profile.h"

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/i18n.h"
#include "host/core/log.h"
#include "host/telegram/client.h"

enum { MAX_COMMANDS = 100 };

static const struct aisha_bot_command *const *commands_in(struct bot *bot, struct arena *arena,
                                                          const char *locale)
{
    const struct aisha_bot_command **list = arena_alloc(arena, (MAX_COMMANDS + 1) * sizeof *list);
    size_t count = 0;

    for (size_t i = 0; i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        for (size_t j = 0; j < plugin->d.commands.count && count < MAX_COMMANDS; j++) {
            const struct aisha_command *row = &plugin->d.commands.rows[j];
            struct aisha_bot_command *command = arena_alloc(arena, sizeof *command);
            if (row->is_hidden)
                continue;
            *command = (struct aisha_bot_command){
                .size = sizeof *command,
                .command = row->name,
                .description = bot_table_text(bot, arena, plugin, locale, row->summary),
            };
            list[count++] = command;
        }
    }
    return list;
}

void profile_publish(struct bot *bot)
{
    struct arena arena = {0};
    struct telegram_failure failure;
    int r = 0;

    for (const char *const *locale = i18n_locales; r == 0 && *locale; locale++) {
        const struct aisha_set_my_commands_params params = {
            .size = sizeof params,
            .commands = commands_in(bot, &arena, *locale),
            .language_code = locale == i18n_locales ? NULL : *locale,
        };
        r = telegram_call(bot->telegram, &arena, "setMyCommands", &params, NULL, &failure);
    }
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_warn("bot", "the list of commands could not be published: %s",
                 failure.description ? failure.description : aisha_error_text(r));
    arena_clear(&arena);
}
