/*
 * odd: what authors of plugins do by mistake, and small things of the SDK that no other test
 * plugin uses.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>
#include <aisha/service/billing.h>

/* Ignores that it was cancelled. */
static AISHA_ASYNC int cmd_stubborn(struct aisha_ctx *ctx)
{
    int r = aisha_screen(ctx, .text = "for ever");

    while (r == 0)
        aisha_ignore(aisha_sleep(ctx, 100));
    return r;
}

/* Computes where others wait. */
static AISHA_ASYNC int cmd_spin(struct aisha_ctx *ctx)
{
    volatile double x = 1;

    for (long i = 0; i < 600000000; i++)
        x = x * 1.0000001;
    return aisha_reply(ctx, .text = "spun");
}

static AISHA_ASYNC int cmd_open_tx(struct aisha_ctx *ctx)
{
    int r = aisha_db_begin(ctx);

    return r < 0 ? r : aisha_db_exec(ctx, "INSERT INTO odd_rows (value) VALUES ($1)", "lost");
}

static AISHA_ASYNC int cmd_sleep_tx(struct aisha_ctx *ctx)
{
    int r = aisha_db_begin(ctx);

    return r < 0 ? r : aisha_sleep(ctx, 1);
}

/* Writes that something is done, and does not care that taking the credits for it failed: there is no
 * job that they could be held for. */
static AISHA_ASYNC int cmd_half(struct aisha_ctx *ctx)
{
    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO odd_rows (value) VALUES ($1)", "half");
    if (r < 0)
        return r;
    int moved =
        *aisha_args(ctx) ? aisha_billing_release(ctx, NULL) : aisha_billing_capture(ctx, NULL, 1);
    bool is_committed = aisha_db_commit(ctx) == 0;
    return aisha_reply(ctx, .text = moved == 0     ? "all of it"
                                    : is_committed ? "half of it"
                                                   : "none of it");
}

static AISHA_ASYNC int cmd_no_payload(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "x", .callback = "choose");
    return aisha_reply(ctx, .text = "never seen", .keyboard = keyboard);
}

/* Fails without a word. */
static AISHA_ASYNC int cmd_einval(struct aisha_ctx *ctx)
{
    (void)ctx;
    return -EINVAL;
}

static AISHA_ASYNC int cmd_mute(struct aisha_ctx *ctx)
{
    (void)ctx;
    return 0;
}

static AISHA_ASYNC int cmd_mute_button(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "Mute", .callback = "mute");
    return aisha_reply(ctx, .text = "press", .keyboard = keyboard);
}

/* Says the same 500 times, and with an argument does not care whether anybody hears it. */
static AISHA_ASYNC int cmd_flood(struct aisha_ctx *ctx)
{
    int r = 0;

    for (int i = 0; i < 500 && (r == 0 || *aisha_args(ctx)); i++)
        r = aisha_reply(ctx, .text = "again");
    return *aisha_args(ctx) ? 0 : r;
}

/* Takes a gigabyte: at once, or with an argument in small pieces, in a transaction. */
static AISHA_ASYNC int cmd_hoard(struct aisha_ctx *ctx)
{
    bool is_slow = *aisha_args(ctx);

    int r = aisha_reply(ctx, .text = "hoarding");
    if (r == 0)
        r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO odd_rows (value) VALUES ($1)", "hoard");
    if (r < 0)
        return r;
    for (size_t got = 0; got < 1 << 30; got += is_slow ? 1000 : 1 << 30)
        memset(aisha_alloc(ctx, is_slow ? 1000 : 1 << 30), 1, 1000);
    return aisha_db_commit(ctx);
}

/* Calls itself with frames of 20 KB, for ever. */
__attribute__((noinline)) static int deeper(struct aisha_ctx *ctx, int depth)
{
    volatile char frame[20000];

    frame[0] = (char)depth;
    int below = depth < 0 ? 0 : deeper(ctx, depth + 1);
    return below + frame[0];
}

static AISHA_ASYNC int cmd_deep(struct aisha_ctx *ctx)
{
    return deeper(ctx, 0);
}

static AISHA_ASYNC int cmd_crash(struct aisha_ctx *ctx)
{
    volatile int *nowhere = (volatile int *)aisha_thread_id(ctx);

    return *nowhere;
}

/* Ends the process as the kernel does that has run out of memory. */
static AISHA_ASYNC int cmd_die(struct aisha_ctx *ctx)
{
    (void)ctx;
    return raise(SIGKILL);
}

/* Lets nobody else run for so many seconds. */
static AISHA_ASYNC int cmd_block(struct aisha_ctx *ctx)
{
    int64_t end = aisha_now(ctx) + strtol(aisha_args(ctx), NULL, 10);

    while (aisha_now(ctx) <= end)
        ;
    return aisha_reply(ctx, .text = "blocked");
}

static AISHA_ASYNC int cmd_blob(struct aisha_ctx *ctx)
{
    return aisha_blob_put(ctx, "a", "b", 1);
}

/* Runs whatever it is told to, with a parameter that is nobody's business. */
static AISHA_ASYNC int cmd_sql(struct aisha_ctx *ctx)
{
    return aisha_db_exec(ctx, aisha_args(ctx), "a private value");
}

static AISHA_ASYNC int cmd_sql_tx(struct aisha_ctx *ctx)
{
    int r = aisha_db_begin(ctx);

    return r < 0 ? r : cmd_sql(ctx);
}

/* Names a text that is nowhere. */
static AISHA_ASYNC int cmd_no_text(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = aisha_t_plain(ctx, "forgotten"));
}

/* Writes to somebody by an id that is of another kind. */
static AISHA_ASYNC int cmd_notify(struct aisha_ctx *ctx)
{
    return aisha_notify(ctx, aisha_printf(ctx, "%" PRId64, aisha_telegram_id(ctx)), .text = "you");
}

static AISHA_ASYNC int cmd_null(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;

    int r = aisha_db_exec(ctx, "INSERT INTO odd_rows (value) VALUES ($1)", NULL);
    if (r == 0)
        r = aisha_db_query(ctx, &rows, "SELECT count(*) AS n FROM odd_rows WHERE value IS NULL");
    if (r < 0)
        return r;
    return aisha_reply(
        ctx, .text = aisha_printf(ctx, "%" PRId64 " nulls", aisha_cell_int(rows, 0, "n")));
}

static AISHA_ASYNC int cmd_tools(struct aisha_ctx *ctx)
{
    const char *uuid = aisha_uuid(ctx), *args = aisha_args(ctx);
    struct aisha_uuid packed;

    int r = aisha_uuid_pack(uuid, &packed);
    if (r < 0 || aisha_uuid_pack("no uuid", &packed) != -AISHA_E_INVALID)
        return aisha_fail(ctx, -AISHA_E_INVALID, "a UUID is not packed as it should be");
    const char *is_same = strcmp(aisha_uuid_text(ctx, &packed), uuid) == 0 ? "same" : "other";
    const char *json = aisha_printf(ctx, "{%s:1}", aisha_json_quote(ctx, args));
    const char *name = aisha_json_name(aisha_json_parse(ctx, json, strlen(json)), "", 0);
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s uuid, %s in a URL, %s as JSON, name %s",
                                                 is_same, aisha_url_escape(ctx, args), json, name));
}

/* Says that it works, waits as many seconds as it is told, and writes. */
static AISHA_ASYNC int cmd_nap(struct aisha_ctx *ctx)
{
    int r = aisha_screen(ctx, .text = "napping");
    if (r == 0)
        r = aisha_sleep(ctx, strtol(aisha_args(ctx), NULL, 10) * 1000);
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO odd_rows (value) VALUES ($1)", "napped");
    return r < 0 ? r : aisha_screen(ctx, .text = "napped");
}

/* Answers the press with an alert, after as many seconds as the button says. */

struct delay {
    int32_t seconds;
};

static AISHA_ASYNC int cmd_late(struct aisha_ctx *ctx)
{
    const struct delay delay = {.seconds = (int32_t)strtol(aisha_args(ctx), NULL, 10)};
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "Later", .callback = "late", AISHA_PAYLOAD(delay));
    return aisha_reply(ctx, .text = "press", .keyboard = keyboard);
}

static AISHA_ASYNC int on_late(struct aisha_ctx *ctx)
{
    struct delay delay;

    int r = aisha_payload(ctx, &delay);
    if (r == 0)
        r = aisha_sleep(ctx, delay.seconds * 1000);
    return r < 0 ? r : aisha_answer_alert(ctx, "at last");
}

/* Withdraws the question within a transaction. */
static AISHA_ASYNC int cmd_clear(struct aisha_ctx *ctx)
{
    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_state_clear(ctx);
    if (r < 0)
        return r;
    r = aisha_db_commit(ctx);
    return r < 0 ? r : aisha_reply(ctx, .text = "cleared");
}

/* A question that is answered by a word or by a button. */

struct draft {
    int32_t number;
};

struct choice {
    char color[8];
};

static AISHA_ASYNC int cmd_ask(struct aisha_ctx *ctx)
{
    const struct draft draft = {.number = 42};
    const struct choice choice = {"green"};
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "Green", .callback = "choose", AISHA_PAYLOAD(choice));
    return aisha_ask(ctx, .text = "Which color?", .keyboard = keyboard, .then = "color",
                     AISHA_DATA(draft));
}

static AISHA_ASYNC int take(struct aisha_ctx *ctx, const char *color)
{
    struct draft draft;

    int r = aisha_state_data(ctx, &draft);
    return r < 0 ? r
                 : aisha_reply(ctx, .text = aisha_printf(ctx, "%s for %d", color, draft.number));
}

static AISHA_ASYNC int on_color(struct aisha_ctx *ctx)
{
    return take(ctx, aisha_message(ctx)->text);
}

static AISHA_ASYNC int on_choose(struct aisha_ctx *ctx)
{
    struct choice choice;

    int r = aisha_payload(ctx, &choice);
    return r < 0 ? r : take(ctx, choice.color);
}

/* Inline buttons under something that aisha_reply() does not send. */
static AISHA_ASYNC int cmd_raw(struct aisha_ctx *ctx)
{
    const struct choice choice = {"blue"};
    const struct aisha_reply_markup *markup;
    const struct aisha_message *sent;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "Blue", .callback = "loose", AISHA_PAYLOAD(choice));
    int r = aisha_keyboard_markup(ctx, keyboard, &markup);
    return r < 0 ? r
                 : aisha_send_message(ctx, &sent, .chat_id = aisha_chat_id(ctx), .text = "raw",
                                      .reply_markup = markup);
}

static AISHA_ASYNC int on_loose(struct aisha_ctx *ctx)
{
    struct choice choice;

    int r = aisha_payload(ctx, &choice);
    return r < 0 ? r : aisha_reply(ctx, .text = choice.color);
}

static const struct aisha_command commands[] = {
    {.name = "stubborn", .summary = "Ignore the end", .run = cmd_stubborn},
    {.name = "spin", .summary = "Compute", .run = cmd_spin},
    {.name = "open_tx", .summary = "Forget to commit", .run = cmd_open_tx},
    {.name = "sleep_tx", .summary = "Sleep in a transaction", .run = cmd_sleep_tx},
    {.name = "half", .summary = "Forget the price", .run = cmd_half},
    {.name = "no_payload", .summary = "Forget a payload", .run = cmd_no_payload},
    {.name = "einval", .summary = "Fail", .run = cmd_einval},
    {.name = "mute", .summary = "Forget the answer", .run = cmd_mute},
    {.name = "mute_button", .summary = "A button without an answer", .run = cmd_mute_button},
    {.name = "flood", .summary = "Say it 500 times", .run = cmd_flood},
    {.name = "hoard", .summary = "Take all memory", .run = cmd_hoard},
    {.name = "deep", .summary = "Recurse", .run = cmd_deep},
    {.name = "crash", .summary = "Read from nowhere", .run = cmd_crash},
    {.name = "die", .summary = "End it all", .run = cmd_die},
    {.name = "block", .summary = "Stop the world", .run = cmd_block},
    {.name = "keep", .summary = "Keep a blob", .run = cmd_blob},
    {.name = "no_text", .summary = "Forget a text", .run = cmd_no_text},
    {.name = "notify", .summary = "Write to nobody", .run = cmd_notify},
    {.name = "sql", .summary = "Run SQL", .run = cmd_sql},
    {.name = "sql_tx", .summary = "Run SQL in a transaction", .run = cmd_sql_tx},
    {.name = "null", .summary = "Store NULL", .run = cmd_null},
    {.name = "tools", .summary = "Small things", .run = cmd_tools},
    {.name = "nap", .summary = "Wait and write", .run = cmd_nap},
    {.name = "late", .summary = "A late alert", .run = cmd_late},
    {.name = "clear", .summary = "Withdraw", .run = cmd_clear},
    {.name = "ask", .summary = "Ask", .run = cmd_ask},
    {.name = "raw", .summary = "A call with buttons", .run = cmd_raw},
};

static const struct aisha_callback callbacks[] = {
    {.name = "mute", .run = cmd_mute},
    {.name = "choose", .run = on_choose, .payload_size = sizeof(struct choice), .state = "color"},
    {.name = "late", .run = on_late, .payload_size = sizeof(struct delay)},
    {.name = "loose", .run = on_loose, .payload_size = sizeof(struct choice)},
};

static const struct aisha_state states[] = {
    {.name = "color", .run = on_color, .data_size = sizeof(struct draft), .field = "text"},
};

static AISHA_ASYNC int on_document(struct aisha_ctx *ctx)
{
    (void)ctx;
    return AISHA_PASS;
}

static const struct aisha_message_route messages[] = {
    {.field = "document", .run = on_document},
};

static const struct aisha_migration migrations[] = {
    {.version = 1, .name = "rows", .sql = "CREATE TABLE odd_rows (value TEXT)"},
};

AISHA_PLUGIN(.name = "odd", .version = "1.0", .commands = AISHA_TABLE(commands),
             .callbacks = AISHA_TABLE(callbacks), .states = AISHA_TABLE(states),
             .messages = AISHA_TABLE(messages), .migrations = AISHA_TABLE(migrations))
