/*
 * Everything is asked for first and changed only where it differs: Telegram allows few changes of a
 * name in a day, and who reads along sees none that is not one.
 */
#include "host/bot/profile.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/i18n.h"
#include "host/core/log.h"
#include "host/telegram/client.h"

enum { MAX_COMMANDS = 100 };

/* What is needed everywhere here. */
struct publishing {
    struct bot *bot;
    struct arena arena;
    const char *locale;
    const char *language; /* the same for Telegram; NULL = of those who speak none of the others */
    struct telegram_failure failure;
};

typedef const struct aisha_bot_command *const *command_list;

static AISHA_ASYNC int call(struct publishing *p, const char *method, const void *params, void *ret)
{
    return telegram_call(p->bot->telegram, &p->arena, method, params, ret, &p->failure);
}

static void log_failure(const struct publishing *p, const char *what, int r)
{
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_warn("bot", "%s could not be published: %s", what,
                 p->failure.description ? p->failure.description : aisha_error_text(r));
}

/* ---- lists of commands ---- */

/* Where a list is shown: whoever is in several places sees the most special one. */
struct place {
    const char *type; /* of BotCommandScope */
    unsigned scopes;  /* of the commands, as bits */
    unsigned adds;    /* those that the list has beyond the more general one */
};

#define BIT(scope) (1U << (scope))

static const struct place everywhere = {"default", BIT(AISHA_SCOPE_EVERYWHERE),
                                        BIT(AISHA_SCOPE_EVERYWHERE)};
static const struct place private_chats = {"all_private_chats",
                                           BIT(AISHA_SCOPE_EVERYWHERE) | BIT(AISHA_SCOPE_PRIVATE),
                                           BIT(AISHA_SCOPE_PRIVATE)};
static const struct place groups = {"all_group_chats",
                                    BIT(AISHA_SCOPE_EVERYWHERE) | BIT(AISHA_SCOPE_GROUPS),
                                    BIT(AISHA_SCOPE_GROUPS)};
static const struct place operators = {
    "chat", BIT(AISHA_SCOPE_EVERYWHERE) | BIT(AISHA_SCOPE_PRIVATE) | BIT(AISHA_SCOPE_ADMINS),
    BIT(AISHA_SCOPE_ADMINS)};

/* The commands of these scopes; *ret_scopes are those that were found. */
static command_list commands_of(struct publishing *p, unsigned scopes, unsigned *ret_scopes)
{
    const struct registry *registry = p->bot->registry;
    const struct aisha_bot_command **list =
        arena_alloc(&p->arena, (MAX_COMMANDS + 1) * sizeof *list);
    size_t count = 0;

    *ret_scopes = 0;
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.commands.count && count < MAX_COMMANDS; j++) {
            const struct aisha_command *row = &plugin->d.commands.rows[j];
            struct aisha_bot_command *command = arena_alloc(&p->arena, sizeof *command);
            if (row->is_hidden || !(BIT(row->scope) & scopes))
                continue;
            *command = (struct aisha_bot_command){
                .size = sizeof *command,
                .command = row->name,
                .description = bot_table_text(p->bot, &p->arena, plugin, p->locale, row->summary),
            };
            *ret_scopes |= BIT(row->scope);
            list[count++] = command;
        }
    }
    return list;
}

static bool is_same_list(command_list a, command_list b)
{
    for (; *a && *b; a++, b++)
        if (strcmp((*a)->command, (*b)->command) != 0 ||
            strcmp((*a)->description, (*b)->description) != 0)
            return false;
    return !*a && !*b;
}

static AISHA_ASYNC int publish_list(struct publishing *p, const struct place *place,
                                    int64_t chat_id)
{
    static const struct aisha_bot_command *const none[] = {NULL};
    const struct aisha_bot_command_scope scope = {
        .size = sizeof scope, .type = place->type, .chat_id = chat_id};
    const struct aisha_get_my_commands_params get = {
        .size = sizeof get, .scope = &scope, .language_code = p->language};
    unsigned found;
    command_list wanted = commands_of(p, place->scopes, &found), present;

    if (!(found & place->adds))
        wanted = none; /* the more general list says it all */
    int r = call(p, "getMyCommands", &get, &present);
    if (r < 0 || is_same_list(wanted, present))
        return r;
    if (!*wanted) {
        const struct aisha_delete_my_commands_params delete = {
            .size = sizeof delete, .scope = &scope, .language_code = p->language};
        return call(p, "deleteMyCommands", &delete, NULL);
    }
    const struct aisha_set_my_commands_params set = {
        .size = sizeof set, .commands = wanted, .scope = &scope, .language_code = p->language};
    return call(p, "setMyCommands", &set, NULL);
}

static AISHA_ASYNC int publish_commands(struct publishing *p)
{
    static const struct place *const places[] = {&everywhere, &private_chats, &groups};
    const struct config *config = p->bot->config;
    int r = 0;

    for (size_t i = 0; i < 3 && r != -AISHA_E_CANCELED; i++) {
        r = publish_list(p, places[i], 0);
        log_failure(p, "a list of commands", r);
    }
    for (size_t i = 0; i < config->admin.id_count && r != -AISHA_E_CANCELED; i++) {
        r = publish_list(p, &operators, config->admin.ids[i]);
        if (r == -AISHA_E_TELEGRAM)
            log_info("bot",
                     "the operator %" PRId64 " sees the operators' commands after having written "
                     "to the bot and its next start: %s",
                     config->admin.ids[i], p->failure.description);
        else
            log_failure(p, "the operators' list of commands", r);
    }
    return r == -AISHA_E_CANCELED ? r : 0;
}

/* ---- texts ---- */

/* getMyName, getMyDescription and getMyShortDescription differ in names only. */
#define PUBLISH_TEXT(field, result_type, get_method, set_method)                                   \
    static AISHA_ASYNC int publish_##field(struct publishing *p, const char *text)                 \
    {                                                                                              \
        const struct aisha_get_my_##field##_params get = {.size = sizeof get,                      \
                                                          .language_code = p->language};           \
        const struct aisha_set_my_##field##_params set = {                                         \
            .size = sizeof set, .field = text, .language_code = p->language};                      \
        const struct result_type *present;                                                         \
        int r = call(p, get_method, &get, &present);                                               \
        if (r < 0 || strcmp(present->field, text) == 0)                                            \
            return r;                                                                              \
        return call(p, set_method, &set, NULL);                                                    \
    }

PUBLISH_TEXT(name, aisha_bot_name, "getMyName", "setMyName")
PUBLISH_TEXT(description, aisha_bot_description, "getMyDescription", "setMyDescription")
PUBLISH_TEXT(short_description, aisha_bot_short_description, "getMyShortDescription",
             "setMyShortDescription")

static AISHA_ASYNC int publish_texts(struct publishing *p)
{
    static const struct {
        const char *key;
        AISHA_ASYNC int (*publish)(struct publishing *p, const char *text);
    } texts[] = {
        {"name", publish_name},
        {"description", publish_description},
        {"short_description", publish_short_description},
    };

    int r = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts && r != -AISHA_E_CANCELED; i++) {
        const char *text = i18n_format(&p->arena, p->bot->config->profile.catalogue, p->locale,
                                       texts[i].key, NULL, I18N_PLAIN);
        if (!text) /* @BotFather's */
            continue;
        r = texts[i].publish(p, text);
        log_failure(p, texts[i].key, r);
    }
    return r == -AISHA_E_CANCELED ? r : 0;
}

/* ---- the button beside the text field ---- */

/* It opens the list of commands; but a web app that somebody put there with @BotFather stays. */
static AISHA_ASYNC int publish_menu_button(struct publishing *p)
{
    const struct aisha_menu_button *present;
    struct aisha_menu_button wanted = {.size = sizeof wanted, .type = "default"};
    const struct aisha_set_chat_menu_button_params set = {.size = sizeof set,
                                                          .menu_button = &wanted};
    unsigned found;

    commands_of(p, private_chats.scopes, &found);
    if (found)
        wanted.type = "commands";
    int r = call(p, "getChatMenuButton", NULL, &present);
    if (r < 0 || strcmp(present->type, wanted.type) == 0 || strcmp(present->type, "web_app") == 0)
        return r;
    return call(p, "setChatMenuButton", &set, NULL);
}

void profile_publish(struct bot *bot)
{
    struct publishing p = {.bot = bot};
    int r = 0;

    for (const char *const *locale = i18n_locales; r == 0 && *locale; locale++) {
        p.locale = *locale;
        p.language = locale == i18n_locales ? NULL : *locale;
        r = publish_commands(&p);
        if (r == 0)
            r = publish_texts(&p);
    }
    if (r == 0) {
        p.locale = i18n_locales[0];
        log_failure(&p, "the menu button", publish_menu_button(&p));
    }
    arena_clear(&p.arena);
}
