#include "host/bot/memory.h"

#include <string.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/temp.h"
#include "host/core/log.h"
#include "host/store/blob.h"
#include "host/store/chats.h"
#include "host/store/sent_files.h"
#include "host/store/users.h"
#include "host/telegram/memory.h"

static void report(int r, const char *what)
{
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_warn("bot", "%s: %s", what, aisha_error_text(r));
}

/* ---- chats ---- */

static AISHA_ASYNC int64_t chat_now(void *user, struct arena *arena, int64_t chat_id)
{
    struct bot *bot = user;
    int64_t now = chat_id;

    report(chats_now(bot->db, arena, chat_id, &now), "where a group has moved cannot be read");
    return now;
}

static AISHA_ASYNC void chat_moved(void *user, struct arena *arena, int64_t chat_id, int64_t new_id)
{
    struct bot *bot = user;

    report(chats_set_moved(bot->db, arena, chat_id, new_id),
           "where a group has moved cannot be kept");
}

static AISHA_ASYNC void chat_gone(void *user, struct arena *arena, int64_t chat_id,
                                  enum telegram_remedy why)
{
    struct bot *bot = user;
    enum user_absence absence = why == REMEDY_DEACTIVATED ? USER_GONE : USER_BLOCKED;

    int r = chat_id > 0 ? users_set_absence(bot->db, bot->users, arena, chat_id, absence)
                        : chats_set_gone(bot->db, arena, chat_id, true);
    report(r, "who has left cannot be kept");
}

/* ---- files ---- */

static AISHA_ASYNC int stamp_of(void *user, struct arena *arena, const char *key,
                                const char **ret_stamp)
{
    struct bot *bot = user;
    struct blob_info info;

    int r = blob_head(bot->blobs, arena, key, &info);
    if (r == 0)
        *ret_stamp = info.etag;
    return r;
}

static AISHA_ASYNC int file_of(void *user, struct arena *arena, const char *key,
                               const char **ret_path)
{
    struct bot *bot = user;

    *ret_path = bot_temp_path(bot, arena, "");
    return blob_get_file(bot->blobs, key, *ret_path);
}

static struct sent_file sent_file_of(const struct bot *bot, const struct telegram_blob *blob)
{
    return (struct sent_file){
        .bot_id = bot->id, .blob_key = blob->key, .kind = blob->kind, .stamp = blob->stamp};
}

static AISHA_ASYNC const char *find_file_id(void *user, struct arena *arena,
                                            const struct telegram_blob *blob)
{
    struct bot *bot = user;
    const struct sent_file file = sent_file_of(bot, blob);
    const char *file_id = NULL;

    int r = sent_files_find(bot->db, arena, &file, &file_id);
    if (r != -AISHA_E_NOT_FOUND)
        report(r, "the file_id of a blob cannot be read");
    return file_id;
}

static AISHA_ASYNC void keep_file_id(void *user, struct arena *arena,
                                     const struct telegram_blob *blob, const char *file_id)
{
    struct bot *bot = user;
    const struct sent_file file = sent_file_of(bot, blob);

    report(sent_files_put(bot->db, arena, &file, file_id), "the file_id of a blob cannot be kept");
}

static AISHA_ASYNC void forget_file_id(void *user, struct arena *arena,
                                       const struct telegram_blob *blob)
{
    struct bot *bot = user;
    const struct sent_file file = sent_file_of(bot, blob);

    report(sent_files_delete(bot->db, arena, &file), "the file_id of a blob cannot be deleted");
}

static void token_refused(void *user, const char *why)
{
    bot_refused(user, why);
}

const struct telegram_memory bot_memory = {
    .chat_now = chat_now,
    .chat_moved = chat_moved,
    .chat_gone = chat_gone,
    .blob_stamp = stamp_of,
    .blob_file = file_of,
    .file_id = find_file_id,
    .keep_file_id = keep_file_id,
    .forget_file_id = forget_file_id,
    .token_refused = token_refused,
};

/* ---- updates ---- */

static AISHA_ASYNC int note_membership(struct aisha_ctx *ctx,
                                       const struct aisha_chat_member_updated *change)
{
    const char *status = change->new_chat_member ? change->new_chat_member->status : "";
    bool is_out = strcmp(status, "kicked") == 0 || strcmp(status, "left") == 0;

    if (!ctx->is_private)
        return chats_set_gone(ctx->bot->db, &ctx->arena, ctx->chat_id, is_out);
    return users_set_absence(ctx->bot->db, ctx->bot->users, &ctx->arena, ctx->chat_id,
                             is_out ? USER_BLOCKED : USER_HERE);
}

int memory_note_update(struct aisha_ctx *ctx)
{
    const struct aisha_message *message = ctx->update->message;
    bool writes = ctx->is_private && (message || ctx->update->callback_query);

    if (ctx->update->my_chat_member && ctx->chat_id)
        return note_membership(ctx, ctx->update->my_chat_member);
    if (message && message->migrate_to_chat_id && ctx->chat_id)
        return chats_set_moved(ctx->bot->db, &ctx->arena, ctx->chat_id,
                               message->migrate_to_chat_id);
    if (writes && ctx->user.is_away)
        return users_set_absence(ctx->bot->db, ctx->bot->users, &ctx->arena, ctx->from->id,
                                 USER_HERE);
    return 0;
}
