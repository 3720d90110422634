/*
 * The SDK: what a handler is, where it runs, memory, texts. Implements ctx.h, mem.h, i18n.h, log.h
 * and the short forms of update.h.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/html.h"
#include "host/bot/i18n.h"
#include "host/bot/json.h"
#include "host/bot/split.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/store/user_copies.h"
#include "host/store/uuid.h"

enum { FIRST_NAME_UNITS = 64, LINK_ARG_MAX = 64 };

/* ---- the unit ---- */

int aisha_fail(struct aisha_ctx *ctx, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    ctx->failure_text = arena_vprintf(&ctx->arena, format, args);
    va_end(args);
    return code;
}

int aisha_sleep(struct aisha_ctx *ctx, int64_t timeout_ms)
{
    if (ctx->tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_sleep() within a transaction");
    return wait_sleep(ctx->bot->loop, timeout_ms);
}

bool aisha_is_cancelled(struct aisha_ctx *ctx)
{
    return ctx->task && task_is_cancelled(ctx->task);
}

int64_t aisha_now(struct aisha_ctx *ctx)
{
    (void)ctx;
    return (int64_t)time(NULL);
}

const char *aisha_uuid(struct aisha_ctx *ctx)
{
    return uuid_new(&ctx->arena);
}

int aisha_uuid_pack(const char *text, struct aisha_uuid *ret)
{
    return uuid_pack(text, ret->bytes);
}

const char *aisha_uuid_text(struct aisha_ctx *ctx, const struct aisha_uuid *uuid)
{
    return uuid_text(&ctx->arena, uuid->bytes);
}

char *aisha_url_escape(struct aisha_ctx *ctx, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 3 * strlen(text) + 1;
    char *escaped = arena_alloc(handler_memory(ctx, size), size), *end = escaped;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr(plain, c)) {
            *end++ = (char)c;
            continue;
        }
        *end++ = '%';
        *end++ = digits[c >> 4];
        *end++ = digits[c & 15];
    }
    return escaped;
}

const char *aisha_json_quote(struct aisha_ctx *ctx, const char *text)
{
    cJSON *string = cJSON_CreateString(utf8_repair(&ctx->arena, text, strlen(text), NULL));
    char *quoted = cJSON_PrintUnformatted(string);

    cJSON_Delete(string);
    if (!quoted)
        abort(); /* no memory */
    arena_defer(&ctx->arena, free, quoted);
    return quoted;
}

const void *aisha_config(struct aisha_ctx *ctx)
{
    return ctx->plugin ? ctx->plugin->config : NULL;
}

void aisha_log(struct aisha_ctx *ctx, enum aisha_log_level level, const char *format, ...)
{
    va_list args;

    if (!log_wants(level))
        return;
    va_start(args, format);
    const char *text = arena_vprintf(&ctx->arena, format, args);
    va_end(args);
    const char *owner = ctx->plugin ? ctx->plugin->name : "bot";
    if (ctx->job)
        log_line(level, owner, "job=%s %s", aisha_job_id(ctx), text);
    else
        log_line(level, owner, "update=%lld %s", (long long)ctx->item.update_id, text);
}

/* ---- memory ---- */

void *aisha_alloc(struct aisha_ctx *ctx, size_t size_bytes)
{
    return arena_alloc(handler_memory(ctx, size_bytes), size_bytes);
}

char *aisha_strdup(struct aisha_ctx *ctx, const char *text)
{
    return arena_strdup(handler_memory(ctx, text ? strlen(text) : 0), text);
}

char *aisha_printf(struct aisha_ctx *ctx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = arena_vprintf(handler_memory(ctx, 0), format, args);
    va_end(args);
    return text;
}

char *aisha_html(struct aisha_ctx *ctx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = html_vprintf(handler_memory(ctx, 0), format, args);
    va_end(args);
    return text;
}

char *aisha_concat(struct aisha_ctx *ctx, const char *first, ...)
{
    size_t size = 1;
    va_list args;

    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *))
        size += strlen(text);
    va_end(args);
    char *all = arena_alloc(handler_memory(ctx, size), size), *end = all;
    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *))
        end = stpcpy(end, text);
    va_end(args);
    return all;
}

void aisha_defer(struct aisha_ctx *ctx, void (*fn)(void *data), void *data)
{
    arena_defer(&ctx->arena, fn, data);
}

const char *aisha_temp_path(struct aisha_ctx *ctx, const char *suffix)
{
    return bot_temp_path(ctx->bot, &ctx->arena, suffix ? suffix : "");
}

/* ---- what arrived ---- */

const struct aisha_update *aisha_update(struct aisha_ctx *ctx)
{
    return ctx->update;
}

const char *aisha_update_json(struct aisha_ctx *ctx)
{
    if (!ctx->item.update)
        return NULL;
    char *text = cJSON_PrintUnformatted(ctx->item.update);
    if (!text)
        abort();
    arena_defer(&ctx->arena, free, text);
    return text;
}

const struct aisha_json *aisha_json_parse(struct aisha_ctx *ctx, const char *text, size_t size)
{
    return json_parse(&ctx->arena, text, size);
}

const struct aisha_message *aisha_message(struct aisha_ctx *ctx)
{
    return ctx->message;
}

size_t aisha_album(struct aisha_ctx *ctx, const struct aisha_message *const **ret_messages)
{
    static const struct aisha_message *const none[] = {NULL};

    *ret_messages = ctx->messages ? ctx->messages : none;
    return ctx->message_count;
}

static const char *link_to_bot(struct aisha_ctx *ctx, const char *param, const char *arg)
{
    size_t size = strspn(arg, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    if (size == 0 || size > LINK_ARG_MAX || arg[size])
        return NULL;
    return arena_printf(&ctx->arena, "https://t.me/%s?%s=%s", ctx->bot->username, param, arg);
}

const char *aisha_deep_link(struct aisha_ctx *ctx, const char *arg)
{
    return link_to_bot(ctx, "start", arg);
}

const char *aisha_group_link(struct aisha_ctx *ctx, const char *arg)
{
    return link_to_bot(ctx, "startgroup", arg);
}

const char *aisha_args(struct aisha_ctx *ctx)
{
    return ctx->args ? ctx->args : "";
}

int64_t aisha_chat_id(struct aisha_ctx *ctx)
{
    return ctx->chat_id;
}

int64_t aisha_thread_id(struct aisha_ctx *ctx)
{
    return ctx->thread_id;
}

int64_t aisha_telegram_id(struct aisha_ctx *ctx)
{
    return ctx->from ? ctx->from->id : 0;
}

const char *aisha_user_id(struct aisha_ctx *ctx)
{
    return ctx->user.id;
}

const char *aisha_first_name(struct aisha_ctx *ctx)
{
    if (!ctx->from || !ctx->from->first_name)
        return "";
    const char *const *parts =
        split_text(&ctx->arena, ctx->from->first_name, SPLIT_PLAIN, FIRST_NAME_UNITS);
    return parts[0] ? parts[0] : "";
}

int aisha_payload_(struct aisha_ctx *ctx, void *ret, size_t size)
{
    if (size != ctx->payload_size)
        return aisha_fail(ctx, -AISHA_E_INVALID,
                          "the callback's .payload_size is %zu, its handler reads %zu",
                          ctx->payload_size, size);
    memset(ret, 0, size);
    memcpy(ret, ctx->button.payload, ctx->button.payload_size);
    return 0;
}

const struct aisha_telegram_failure *aisha_telegram_error(struct aisha_ctx *ctx)
{
    ctx->public_failure = (struct aisha_telegram_failure){
        .size = sizeof ctx->public_failure,
        .error_code = ctx->telegram_failure.error_code,
        .description = ctx->telegram_failure.description ? ctx->telegram_failure.description : "",
        .retry_after_s = ctx->telegram_failure.retry_after_s,
    };
    return &ctx->public_failure;
}

/* ---- texts ---- */

const char *aisha_t_(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return ctx_html(ctx, key, args);
}

const char *aisha_t_plain_(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return ctx_plain(ctx, key, args);
}

const char *aisha_locale(struct aisha_ctx *ctx)
{
    return ctx->locale;
}

int aisha_set_locale(struct aisha_ctx *ctx, const char *locale)
{
    if (!i18n_is_locale(locale) || !ctx->user.id)
        return aisha_fail(ctx, -AISHA_E_INVALID, "no such language, or nobody to speak it");
    user_copies_forget(ctx->bot->users, ctx->user.telegram_id);
    int r = aisha_db_exec(ctx, "UPDATE users SET locale = $1 WHERE id = $2", locale, ctx->user.id);
    user_copies_forget(ctx->bot->users, ctx->user.telegram_id);
    if (r < 0)
        return r;
    ctx->locale = arena_strdup(&ctx->arena, locale);
    return 0;
}

/* ---- what the plugins offer together ---- */

size_t aisha_commands(struct aisha_ctx *ctx, const struct aisha_command_view **ret_commands)
{
    const struct registry *registry = ctx->bot->registry;
    size_t count = 0, max = 0;

    for (size_t i = 0; i < registry->count; i++)
        max += registry->plugins[i].d.commands.count;
    struct aisha_command_view *views = arena_alloc(&ctx->arena, (max + 1) * sizeof *views);
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.commands.count; j++) {
            const struct aisha_command *row = &plugin->d.commands.rows[j];
            if (row->is_hidden || !ctx_is_in_scope(ctx, row->scope))
                continue;
            views[count++] = (struct aisha_command_view){
                .size = sizeof *views,
                .name = row->name,
                .summary = bot_table_text(ctx->bot, &ctx->arena, plugin, ctx->locale, row->summary),
            };
        }
    }
    *ret_commands = views;
    return count;
}

struct menu_item {
    const struct plugin *plugin;
    const struct aisha_menu_entry *entry;
    size_t place; /* in the configuration */
};

static int compare_menu_items(const void *a, const void *b)
{
    const struct menu_item *left = a, *right = b;

    if (left->entry->order != right->entry->order)
        return left->entry->order < right->entry->order ? -1 : 1;
    return left->place < right->place ? -1 : 1;
}

void aisha_menu_buttons(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard)
{
    const struct registry *registry = ctx->bot->registry;
    size_t count = 0, max = 0;

    for (size_t i = 0; i < registry->count; i++)
        max += registry->plugins[i].d.menu.count;
    struct menu_item *items = arena_alloc(&ctx->arena, (max + 1) * sizeof *items);
    for (size_t i = 0; i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i].d.menu.count; j++) {
            const struct aisha_menu_entry *entry = &registry->plugins[i].d.menu.rows[j];
            if (!ctx_is_in_scope(ctx, entry->scope))
                continue;
            items[count] =
                (struct menu_item){.plugin = &registry->plugins[i], .entry = entry, .place = count};
            count++;
        }
    qsort(items, count, sizeof *items, compare_menu_items);
    for (size_t i = 0; i < count; i++) {
        if (i % 2 == 0)
            aisha_row(keyboard);
        aisha_button(keyboard,
                     .text = bot_table_text(ctx->bot, &ctx->arena, items[i].plugin, ctx->locale,
                                            items[i].entry->text),
                     .plugin = items[i].plugin->name, .callback = items[i].entry->callback);
    }
}

/* ---- services ---- */

int aisha_service_enter(struct aisha_ctx *ctx, const char *name, int version,
                        struct aisha_service_call *ret)
{
    const struct plugin *plugin;
    const struct aisha_service *service =
        registry_service(ctx->bot->registry, name, version, &plugin);

    if (!service)
        return aisha_fail(ctx, -AISHA_E_NOT_FOUND, "no enabled plugin provides \"%s\" %d", name,
                          version);
    *ret = (struct aisha_service_call){.functions = service->functions, .caller = ctx->plugin};
    ctx->plugin = plugin;
    return 0;
}

void aisha_service_leave(struct aisha_ctx *ctx, const struct aisha_service_call *call)
{
    ctx->plugin = call->caller;
}
