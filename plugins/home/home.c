/*
 * home: the front door. What it shows is made of what the other plugins declare: their menu
 * entries, their commands.
 */
#include <string.h>

#include <aisha/aisha.h>

struct choice {
    char locale[3];
};

static AISHA_ASYNC int show_menu(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_menu_buttons(ctx, keyboard);
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "language_button", .callback = "language");
    aisha_button(keyboard, .key = "help_button", .callback = "help");
    return aisha_screen(ctx, .html = aisha_t(ctx, "menu", AISHA_ARG("name", aisha_first_name(ctx))),
                        .keyboard = keyboard);
}

static AISHA_ASYNC int cmd_start(struct aisha_ctx *ctx)
{
    int r = aisha_state_clear(ctx);

    return r < 0 ? r : show_menu(ctx);
}

static struct aisha_keyboard *back_to_menu(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .key = "menu_button", .callback = "menu");
    return keyboard;
}

static AISHA_ASYNC int show_help(struct aisha_ctx *ctx)
{
    const struct aisha_command_view *commands;
    size_t count = aisha_commands(ctx, &commands);
    const char *text = aisha_t(ctx, "help");

    for (size_t i = 0; i < count; i++)
        text = aisha_concat(
            ctx, text, aisha_html(ctx, "\n/%s — %s", commands[i].name, commands[i].summary), NULL);
    return aisha_screen(ctx, .html = text, .keyboard = back_to_menu(ctx));
}

static AISHA_ASYNC int show_languages(struct aisha_ctx *ctx)
{
    static const struct {
        const char *name;
        struct choice choice;
    } languages[] = {
        {"English", {"en"}},
        {"Русский", {"ru"}},
    };
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        bool is_spoken = strcmp(languages[i].choice.locale, aisha_locale(ctx)) == 0;
        aisha_button(keyboard,
                     .text = aisha_printf(ctx, "%s%s", is_spoken ? "✓ " : "", languages[i].name),
                     .callback = "set_language", AISHA_PAYLOAD(languages[i].choice));
    }
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "menu_button", .callback = "menu");
    return aisha_screen(ctx, .key = "language", .keyboard = keyboard);
}

static AISHA_ASYNC int on_set_language(struct aisha_ctx *ctx)
{
    struct choice choice;

    int r = aisha_payload(ctx, &choice);
    if (r == 0)
        r = aisha_set_locale(ctx, choice.locale);
    return r < 0 ? r : show_languages(ctx);
}

static AISHA_ASYNC int cmd_cancel(struct aisha_ctx *ctx)
{
    int r = aisha_state_clear(ctx);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .key = r == 1 ? "cancelled" : "nothing_to_cancel");
}

static const struct aisha_command commands[] = {
    {.name = "start", .summary = "@start_summary", .run = cmd_start},
    {.name = "help", .summary = "@help_summary", .run = show_help},
    {.name = "language", .summary = "@language_summary", .run = show_languages},
    {.name = "cancel", .summary = "@cancel_summary", .run = cmd_cancel},
};

static const struct aisha_callback callbacks[] = {
    {.name = "menu", .run = show_menu},
    {.name = "help", .run = show_help},
    {.name = "language", .run = show_languages},
    {.name = "set_language", .run = on_set_language, .payload_size = sizeof(struct choice)},
};

AISHA_PLUGIN(.name = "home", .version = "1.0", .summary = "Menu, help and language",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks))
