/*
 * probe: does on command what tests need to see from outside: counting what took effect, failing,
 * taking long, asking, sending what Telegram refuses.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

/* /add N: the number N takes effect, once. */
static AISHA_ASYNC int cmd_add(struct aisha_ctx *ctx)
{
    int r = aisha_db_exec(ctx, "INSERT INTO probe_effects (chat_id, number) VALUES ($1, $2)",
                          aisha_chat_id(ctx), strtoll(aisha_args(ctx), NULL, 10));
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "added %s", aisha_args(ctx)));
}

/* /effects: how many numbers took effect in this chat, how many of them more than once. */
static AISHA_ASYNC int cmd_effects(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT COUNT(*) AS all_rows, COUNT(DISTINCT number) AS numbers"
                           " FROM probe_effects WHERE chat_id = $1",
                           aisha_chat_id(ctx));
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%" PRId64 " rows, %" PRId64 " numbers",
                                                 aisha_cell_int(rows, 0, "all_rows"),
                                                 aisha_cell_int(rows, 0, "numbers")));
}

static AISHA_ASYNC int cmd_fail(struct aisha_ctx *ctx)
{
    return aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it was told to");
}

/* /slow: shows that it works, with a button to stop it, and goes on for ever. */
static AISHA_ASYNC int cmd_slow(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .key = "cancel", .cancels = true);
    int r = aisha_screen(ctx, .text = "working", .keyboard = keyboard);
    while (r == 0)
        r = aisha_sleep(ctx, 3600 * 1000);
    return r;
}

struct sum {
    int64_t total;
};

static AISHA_ASYNC int ask_next(struct aisha_ctx *ctx, struct sum sum)
{
    return aisha_ask(ctx, .text = aisha_printf(ctx, "sum %" PRId64 ", next?", sum.total),
                     .then = "number", AISHA_DATA(sum));
}

/* /sum: adds up the numbers that are sent, until a text that is none. */
static AISHA_ASYNC int cmd_sum(struct aisha_ctx *ctx)
{
    return ask_next(ctx, (struct sum){0});
}

static AISHA_ASYNC int on_number(struct aisha_ctx *ctx)
{
    struct sum sum;
    char *end;

    int r = aisha_state_data(ctx, &sum);
    if (r < 0)
        return r;
    int64_t number = strtoll(aisha_message(ctx)->text, &end, 10);
    if (*end)
        return aisha_reply(ctx, .text = aisha_printf(ctx, "total %" PRId64, sum.total));
    sum.total += number;
    return ask_next(ctx, sum);
}

struct pressed {
    int32_t count;
};

static AISHA_ASYNC int show_button(struct aisha_ctx *ctx, struct pressed pressed)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    pressed.count++;
    aisha_button(keyboard, .text = "again", .callback = "press", AISHA_PAYLOAD(pressed));
    return aisha_screen(ctx, .text = aisha_printf(ctx, "pressed %d", pressed.count - 1),
                        .keyboard = keyboard);
}

static AISHA_ASYNC int cmd_button(struct aisha_ctx *ctx)
{
    return show_button(ctx, (struct pressed){0});
}

static AISHA_ASYNC int on_press(struct aisha_ctx *ctx)
{
    struct pressed pressed;

    int r = aisha_payload(ctx, &pressed);
    return r < 0 ? r : show_button(ctx, pressed);
}

/* /long N: a text of N numbered sentences. */
static AISHA_ASYNC int cmd_long(struct aisha_ctx *ctx)
{
    long count = atol(aisha_args(ctx));
    char *text = aisha_alloc(ctx, (size_t)count * 24 + 1), *end = text;

    for (long i = 1; i <= count; i++)
        end += sprintf(end, "Sentence %ld. ", i);
    return aisha_reply(ctx, .text = text);
}

/* /html TEXT: markup around what somebody typed, and markup that is broken. */
static AISHA_ASYNC int cmd_html(struct aisha_ctx *ctx)
{
    int r = aisha_reply(ctx, .html = aisha_html(ctx, "<b>%s</b>", aisha_args(ctx)));

    return r < 0 ? r : aisha_reply(ctx, .html = "<b>not closed");
}

/* /document: a file made in memory. */
static AISHA_ASYNC int cmd_document(struct aisha_ctx *ctx)
{
    static const char text[] = "from memory";

    return aisha_reply(ctx, .text = "a file",
                       .document = AISHA_FILE(.bytes = text, .bytes_size = sizeof text - 1,
                                              .file_name = "probe.txt", .mime_type = "text/plain"));
}

/* /blob: bytes that went through the blob store. */
static AISHA_ASYNC int cmd_blob(struct aisha_ctx *ctx)
{
    const void *bytes;
    size_t size;

    int r = aisha_blob_put(ctx, "a/b.txt", "kept", 4);
    if (r == 0)
        r = aisha_blob_get(ctx, "a/b.txt", 100, &bytes, &size);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%.*s", (int)size, (const char *)bytes));
}

static const struct aisha_command commands[] = {
    {.name = "add", .summary = "Make a number take effect", .run = cmd_add},
    {.name = "effects", .summary = "What took effect", .run = cmd_effects},
    {.name = "fail", .summary = "Fail", .run = cmd_fail},
    {.name = "slow", .summary = "Take for ever", .run = cmd_slow},
    {.name = "sum", .summary = "Ask", .run = cmd_sum},
    {.name = "button", .summary = "A button", .run = cmd_button},
    {.name = "long", .summary = "A long text", .run = cmd_long},
    {.name = "html", .summary = "Markup", .run = cmd_html},
    {.name = "document", .summary = "A file", .run = cmd_document},
    {.name = "blob", .summary = "The blob store", .run = cmd_blob, .is_hidden = true},
};

static const struct aisha_callback callbacks[] = {
    {.name = "press", .run = on_press, .payload_size = sizeof(struct pressed)},
};

static const struct aisha_state states[] = {
    {.name = "number", .run = on_number, .data_size = sizeof(struct sum), .field = "text"},
};

static const struct aisha_menu_entry menu[] = {
    {.text = "Probe", .callback = "press", .order = 1},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "effects",
     .sqlite = "CREATE TABLE probe_effects (sequence INTEGER PRIMARY KEY, chat_id BIGINT NOT NULL,"
               "  number BIGINT NOT NULL)",
     .postgres = "CREATE TABLE probe_effects (sequence BIGSERIAL PRIMARY KEY,"
                 "  chat_id BIGINT NOT NULL, number BIGINT NOT NULL)"},
};

AISHA_PLUGIN(.name = "probe", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .states = AISHA_TABLE(states), .menu = AISHA_TABLE(menu),
             .migrations = AISHA_TABLE(migrations))
