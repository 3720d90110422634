/*
 * views: progress, chat actions, pages, confirmations and a gallery, for tests to look at.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

enum { ITEMS = 23, ITEMS_ON_A_PAGE = 5, STEPS = 40, STEP_MS = 100 };

/* ---- progress ---- */

static AISHA_ASYNC int work(struct aisha_ctx *ctx, int steps)
{
    for (int i = 1; i <= steps; i++) {
        int r = aisha_progress(ctx, .text = aisha_printf(ctx, "step %d", i),
                               .percent = i * 100 / steps);
        if (r == 0)
            r = aisha_sleep(ctx, STEP_MS);
        if (r < 0)
            return r;
    }
    return 0;
}

/* /work: much progress in a short time, and no other end. */
static AISHA_ASYNC int cmd_work(struct aisha_ctx *ctx)
{
    aisha_chat_action(ctx, "typing");
    return work(ctx, STEPS);
}

/* /paint: progress that a result replaces while an edit is due. */
static AISHA_ASYNC int cmd_paint(struct aisha_ctx *ctx)
{
    int r = work(ctx, 3);

    return r < 0 ? r : aisha_screen(ctx, .text = "painted");
}

/* /spoil: progress, and then it fails. */
static AISHA_ASYNC int cmd_spoil(struct aisha_ctx *ctx)
{
    int r = work(ctx, 3);

    return r < 0 ? r : aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it was told to");
}

/* /wait: progress that stands still, until it is cancelled. */
static AISHA_ASYNC int cmd_wait(struct aisha_ctx *ctx)
{
    aisha_chat_action(ctx, aisha_args(ctx));
    int r = work(ctx, 2);
    return r < 0 ? r : aisha_sleep(ctx, 3600 * 1000);
}

/* /act: one action, then another, then none. */
static AISHA_ASYNC int cmd_act(struct aisha_ctx *ctx)
{
    static const char *const actions[] = {"typing", "upload_photo", NULL};

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        aisha_chat_action(ctx, actions[i]);
        int r = aisha_sleep(ctx, 300);
        if (r < 0)
            return r;
    }
    return aisha_reply(ctx, .text = "acted");
}

/* ---- pages ---- */

struct view {
    int32_t page;
    int32_t first; /* the number of the first item */
};

static AISHA_ASYNC int show_list(struct aisha_ctx *ctx, struct view view)
{
    const struct aisha_pager *pager = aisha_pager(ctx, ITEMS, ITEMS_ON_A_PAGE, view.page);
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const char *text = "items:";

    for (int64_t i = 0; i < pager->limit && pager->offset + i < pager->item_count; i++)
        text = aisha_printf(ctx, "%s %" PRId64, text, view.first + pager->offset + i);
    aisha_page_buttons(keyboard, pager, .callback = "list", AISHA_PAYLOAD(view));
    return aisha_screen(ctx, .text = text, .keyboard = keyboard);
}

/* /list FIRST [PAGE] */
static AISHA_ASYNC int cmd_list(struct aisha_ctx *ctx)
{
    char *end;
    struct view view = {.first = (int32_t)strtol(aisha_args(ctx), &end, 10)};

    view.page = (int32_t)strtol(end, NULL, 10);
    return show_list(ctx, view);
}

static AISHA_ASYNC int on_list(struct aisha_ctx *ctx)
{
    struct view view;

    int r = aisha_payload(ctx, &view);
    return r < 0 ? r : show_list(ctx, view);
}

/* ---- confirmations ---- */

struct item {
    int64_t number;
};

/* /delete NUMBER: asks; a no says so itself. */
static AISHA_ASYNC int cmd_delete(struct aisha_ctx *ctx)
{
    struct item item = {strtoll(aisha_args(ctx), NULL, 10)};

    return aisha_confirm(ctx, .html = aisha_t(ctx, "really", AISHA_ARG("n", item.number)),
                         .yes = "delete", .no = "keep", .yes_key = "delete", AISHA_PAYLOAD(item));
}

/* /forget NUMBER: asks; no callback for no, and none that shows anything for yes. */
static AISHA_ASYNC int cmd_forget(struct aisha_ctx *ctx)
{
    struct item item = {strtoll(aisha_args(ctx), NULL, 10)};

    return aisha_confirm(ctx, .key = "forget", .yes = "forget", AISHA_PAYLOAD(item));
}

static AISHA_ASYNC int delete_item(struct aisha_ctx *ctx, int64_t number)
{
    return aisha_db_exec(ctx, "INSERT INTO views_deleted (number) VALUES ($1)", number);
}

static AISHA_ASYNC int on_delete(struct aisha_ctx *ctx)
{
    struct item item;

    int r = aisha_payload(ctx, &item);
    if (r == 0 && item.number == 13)
        return aisha_fail(ctx, -AISHA_E_UPSTREAM, "thirteen cannot be deleted");
    if (r == 0)
        r = delete_item(ctx, item.number);
    if (r < 0)
        return r;
    return aisha_screen(ctx, .text = aisha_printf(ctx, "deleted %" PRId64, item.number));
}

static AISHA_ASYNC int on_keep(struct aisha_ctx *ctx)
{
    struct item item;

    int r = aisha_payload(ctx, &item);
    if (r < 0)
        return r;
    return aisha_screen(ctx, .text = aisha_printf(ctx, "kept %" PRId64, item.number));
}

static AISHA_ASYNC int on_forget(struct aisha_ctx *ctx)
{
    struct item item;

    int r = aisha_payload(ctx, &item);
    return r < 0 ? r : delete_item(ctx, item.number);
}

/* /deleted: how often anything was. */
static AISHA_ASYNC int cmd_deleted(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, "SELECT COUNT(*) AS n FROM views_deleted");
    if (r < 0)
        return r;
    return aisha_reply(
        ctx, .text = aisha_printf(ctx, "%" PRId64 " deletions", aisha_cell_int(rows, 0, "n")));
}

/* ---- a gallery ---- */

static AISHA_ASYNC int show_photo(struct aisha_ctx *ctx, struct view view)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, "SELECT COUNT(*) AS n FROM views_photos");
    if (r < 0)
        return r;
    const struct aisha_pager *pager = aisha_pager(ctx, aisha_cell_int(rows, 0, "n"), 1, view.page);
    r = aisha_db_query(ctx, &rows,
                       "SELECT kind, source FROM views_photos ORDER BY number LIMIT $1 OFFSET $2",
                       pager->limit, pager->offset);
    if (r < 0)
        return r;
    const char *kind = aisha_cell_text(rows, 0, "kind");
    const char *source = aisha_cell_text(rows, 0, "source");
    if (!kind)
        return aisha_screen(ctx, .text = "no photos");
    const char *caption = aisha_html(ctx, "<b>%s</b> %d", kind, pager->page + 1);
    aisha_page_buttons(keyboard, pager, .callback = "photos", AISHA_PAYLOAD(view));
    aisha_button(keyboard, .text = "About", .callback = "about", AISHA_PAYLOAD(view));
    if (strcmp(kind, "note") == 0)
        return aisha_screen(ctx,
                            .document = AISHA_FILE(.bytes = source, .bytes_size = strlen(source),
                                                   .file_name = "note.txt"),
                            .html = caption, .keyboard = keyboard);
    bool is_blob = strcmp(kind, "blob") == 0;
    return aisha_screen(
        ctx,
        .photo = AISHA_FILE(.blob = is_blob ? source : NULL, .id_or_url = is_blob ? NULL : source),
        .html = caption, .keyboard = keyboard);
}

static AISHA_ASYNC int cmd_gallery(struct aisha_ctx *ctx)
{
    aisha_chat_action(ctx, "upload_photo");
    return show_photo(ctx, (struct view){.page = (int32_t)strtol(aisha_args(ctx), NULL, 10)});
}

static AISHA_ASYNC int on_photos(struct aisha_ctx *ctx)
{
    struct view view;

    int r = aisha_payload(ctx, &view);
    return r < 0 ? r : show_photo(ctx, view);
}

/* A text in the place of the photo, with the way back. */
static AISHA_ASYNC int on_about(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct view view;

    int r = aisha_payload(ctx, &view);
    if (r < 0)
        return r;
    aisha_button(keyboard, .text = "Back", .callback = "photos", AISHA_PAYLOAD(view));
    return aisha_screen(ctx, .text = "about the photo", .keyboard = keyboard);
}

static AISHA_ASYNC int add_photo(struct aisha_ctx *ctx, const char *kind, const char *source)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO views_photos (number, kind, source)"
                         " SELECT COUNT(*), $1, $2 FROM views_photos",
                         kind, source);
}

/* A photo that arrives is shown by its file_id, and once more from a blob. */
static AISHA_ASYNC int on_photo(struct aisha_ctx *ctx)
{
    const struct aisha_photo_size *const *sizes = aisha_message(ctx)->photo;
    const char *path, *key = aisha_printf(ctx, "photos/%s", aisha_uuid(ctx));

    int r = aisha_download(ctx, sizes[0]->file_id, 0, &path);
    if (r == 0)
        r = aisha_blob_put_file(ctx, key, path);
    if (r == 0)
        r = add_photo(ctx, "id", sizes[0]->file_id);
    if (r == 0)
        r = add_photo(ctx, "blob", key);
    return r < 0 ? r : aisha_reply(ctx, .text = "added");
}

/* /add KIND SOURCE */
static AISHA_ASYNC int cmd_add(struct aisha_ctx *ctx)
{
    const char *args = aisha_args(ctx);
    size_t length = strcspn(args, " ");

    if (!args[length])
        return aisha_fail(ctx, -AISHA_E_INVALID, "a kind and a source");
    int r = add_photo(ctx, aisha_printf(ctx, "%.*s", (int)length, args), args + length + 1);
    return r < 0 ? r : aisha_reply(ctx, .text = "added");
}

/* /shorten: the gallery loses all but its first photo. */
static AISHA_ASYNC int cmd_shorten(struct aisha_ctx *ctx)
{
    int r = aisha_db_exec(ctx, "DELETE FROM views_photos WHERE number > 0");

    return r < 0 ? r : aisha_reply(ctx, .text = "shortened");
}

/* ---- commands of scopes ---- */

static AISHA_ASYNC int cmd_scoped(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = "it works");
}

static const struct aisha_command commands[] = {
    {.name = "work", .summary = "Much progress", .run = cmd_work},
    {.name = "paint", .summary = "Progress with a result", .run = cmd_paint},
    {.name = "spoil", .summary = "Progress that fails", .run = cmd_spoil},
    {.name = "wait", .summary = "Progress without an end", .run = cmd_wait},
    {.name = "act", .summary = "Chat actions", .run = cmd_act},
    {.name = "list", .summary = "Pages", .run = cmd_list},
    {.name = "delete", .summary = "A question", .run = cmd_delete},
    {.name = "forget", .summary = "A question without a no", .run = cmd_forget},
    {.name = "deleted", .summary = "What was deleted", .run = cmd_deleted},
    {.name = "gallery", .summary = "Photos", .run = cmd_gallery},
    {.name = "add", .summary = "Add a photo", .run = cmd_add},
    {.name = "shorten", .summary = "Remove photos", .run = cmd_shorten},
    {.name = "alone",
     .summary = "Only in private",
     .run = cmd_scoped,
     .scope = AISHA_SCOPE_PRIVATE},
    {.name = "together",
     .summary = "Only in groups",
     .run = cmd_scoped,
     .scope = AISHA_SCOPE_GROUPS},
    {.name = "rule",
     .summary = "Only for operators",
     .run = cmd_scoped,
     .scope = AISHA_SCOPE_ADMINS},
};

static const struct aisha_callback callbacks[] = {
    {.name = "list", .run = on_list, .payload_size = sizeof(struct view)},
    {.name = "delete", .run = on_delete, .payload_size = sizeof(struct item)},
    {.name = "keep", .run = on_keep, .payload_size = sizeof(struct item)},
    {.name = "forget", .run = on_forget, .payload_size = sizeof(struct item)},
    {.name = "photos", .run = on_photos, .payload_size = sizeof(struct view)},
    {.name = "about", .run = on_about, .payload_size = sizeof(struct view)},
};

static const struct aisha_message_route messages[] = {
    {.field = "photo", .run = on_photo},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "deletions and photos",
     .sql = "CREATE TABLE views_deleted (number BIGINT NOT NULL);"
            "CREATE TABLE views_photos (number BIGINT NOT NULL, kind TEXT NOT NULL,"
            " source TEXT NOT NULL)"},
};

AISHA_PLUGIN(.name = "views", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .messages = AISHA_TABLE(messages), .migrations = AISHA_TABLE(migrations))
