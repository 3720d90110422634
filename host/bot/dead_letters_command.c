#include "host/bot/dead_letters_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/config.h"
#include "host/bot/split.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/redact.h"
#include "host/store/db.h"
#include "host/store/dead_letters.h"
#include "host/store/hex.h"
#include "host/store/migrate.h"
#include "host/store/schema.h"

enum { TEXT_MAX = 60, REASON_MAX = 100, DATA_MAX = 64 };

struct run {
    struct loop *loop;
    struct arena arena;
    const struct config *config;
    const char *id; /* or "all" */
    bool is_sure;
    int64_t bot_id;
    struct db *db;
    const char *error;
    int (*action)(struct run *run);
    int result;
};

/* ---- what is shown ---- */

/* One line of at most that many bytes, without secrets and without what a terminal would obey. */
static const char *line_of(struct arena *arena, const char *text, size_t max_bytes)
{
    char *line = redact(arena_strdup(arena, text ? text : ""));
    size_t size = strlen(line);

    for (char *c = line; *c; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    if (size <= max_bytes)
        return line;
    while (max_bytes && ((unsigned char)line[max_bytes] & 0xc0) == 0x80)
        max_bytes--;
    return arena_printf(arena, "%.*s…", (int)max_bytes, line);
}

static const char *time_of(struct arena *arena, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm utc;
    char text[40] = "-";

    if (gmtime_r(&when, &utc))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    return arena_strdup(arena, text);
}

static const char *kind_of(struct arena *arena, const struct aisha_rows *rows, size_t i)
{
    const char *plugin = aisha_cell_text(rows, i, "plugin"),
               *kind = aisha_cell_text(rows, i, "kind");

    return *plugin ? arena_printf(arena, "job %s/%s", plugin, kind) : "update";
}

static void print_row(struct arena *arena, const struct aisha_rows *rows, size_t i)
{
    printf("%-36s  %-24s  %s  %5" PRId64 "  %s%s\n", aisha_cell_text(rows, i, "id"),
           kind_of(arena, rows, i), time_of(arena, aisha_cell_int(rows, i, "failed_at")),
           aisha_cell_int(rows, i, "attempts"),
           line_of(arena, aisha_cell_text(rows, i, "reason"), REASON_MAX),
           aisha_cell_int(rows, i, "is_marked") ? " (is handled again soon)" : "");
}

/* What somebody wrote is theirs: a beginning is enough to know it again. */
static void shorten(struct arena *arena, cJSON *json)
{
    static const char *const hidden[] = {"phone_number", "email", "vcard"};

    for (cJSON *child = json->child; child; child = child->next) {
        const char *text = cJSON_GetStringValue(child);
        bool is_hidden = false;
        for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
            is_hidden = is_hidden || (child->string && strcmp(child->string, hidden[i]) == 0);
        if (text)
            cJSON_SetValuestring(child, is_hidden ? "***" : line_of(arena, text, TEXT_MAX));
        shorten(arena, child);
    }
}

static void print_update(struct arena *arena, const char *body)
{
    cJSON *json = cJSON_Parse(body);

    if (!json) {
        printf("it cannot be read\n");
        return;
    }
    shorten(arena, json);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    if (!text)
        abort();
    printf("%s\n", text);
    cJSON_free(text);
}

/* A struct of the plugin's: what is text in it can be read. */
static void print_data(struct arena *arena, const char *hex)
{
    size_t size = 0;
    const char *bytes = hex_decode(arena, hex, &size);
    char text[DATA_MAX + 1];
    size_t i;

    for (i = 0; bytes && i < size && i < DATA_MAX; i++)
        text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.';
    text[i] = '\0';
    printf("data: %zu bytes: %s%s\n", size, redact(text), size > DATA_MAX ? "…" : "");
}

/* ---- all of them ---- */

struct page {
    const struct aisha_rows *rows;
    STAILQ_ENTRY(page) link;
};

STAILQ_HEAD(pages, page);

/* Before anything is done to one: what is replayed may fail and be dead again meanwhile. */
static AISHA_ASYNC int read_all(struct run *run, struct pages *pages)
{
    struct dead_letters_place after = {.id = ""};
    const struct aisha_rows *rows;

    STAILQ_INIT(pages);
    do {
        struct page *page = arena_alloc(&run->arena, sizeof *page);
        int r = dead_letters_list(run->db, &run->arena, run->bot_id, after, &rows);
        if (r < 0)
            return r;
        page->rows = rows;
        STAILQ_INSERT_TAIL(pages, page, link);
        if (rows->row_count)
            after = (struct dead_letters_place){
                .failed_at = aisha_cell_int(rows, rows->row_count - 1, "failed_at"),
                .id = aisha_cell_text(rows, rows->row_count - 1, "id"),
            };
    } while (rows->row_count == DEAD_LETTERS_PAGE);
    return 0;
}

/* ---- the actions ---- */

static AISHA_ASYNC int list(struct run *run)
{
    struct pages pages;
    const struct page *page;
    size_t count = 0;

    int r = read_all(run, &pages);
    if (r < 0)
        return r;
    STAILQ_FOREACH(page, &pages, link) {
        if (count == 0 && page->rows->row_count)
            printf("%-36s  %-24s  %-19s  %5s  %s\n", "ID", "WHAT", "SINCE (UTC)", "TRIES", "WHY");
        for (size_t i = 0; i < page->rows->row_count; i++)
            print_row(&run->arena, page->rows, i);
        count += page->rows->row_count;
    }
    printf("%zu dead letters\n", count);
    return 0;
}

static int say_not_found(struct run *run)
{
    run->error = arena_printf(&run->arena, "there is no dead letter %s; \"list\" shows them",
                              line_of(&run->arena, run->id, TEXT_MAX));
    return -AISHA_E_NOT_FOUND;
}

static AISHA_ASYNC int show(struct run *run)
{
    const struct aisha_rows *rows;

    int r = dead_letter_find(run->db, &run->arena, run->bot_id, run->id, &rows);
    if (r < 0)
        return r;
    if (!rows->row_count)
        return say_not_found(run);
    print_row(&run->arena, rows, 0);
    if (!*aisha_cell_text(rows, 0, "plugin")) {
        print_update(&run->arena, aisha_cell_text(rows, 0, "body"));
        return 0;
    }
    printf("user: %" PRId64 "\nchat: %" PRId64 "\n", aisha_cell_int(rows, 0, "telegram_id"),
           aisha_cell_int(rows, 0, "chat_id"));
    print_data(&run->arena, aisha_cell_text(rows, 0, "body"));
    return 0;
}

typedef AISHA_ASYNC int (*change)(struct db *db, struct arena *arena, int64_t bot_id,
                                  const char *id, int64_t *ret_count);

static AISHA_ASYNC int act_on(struct run *run, change act, const char *done, const char *id,
                              int64_t *ret_count)
{
    int r = act(run->db, &run->arena, run->bot_id, id, ret_count);

    if (r == 0 && *ret_count)
        printf("%s %s\n", line_of(&run->arena, id, TEXT_MAX), done);
    return r;
}

static AISHA_ASYNC int act_on_all(struct run *run, change act, const char *done)
{
    struct pages pages;
    const struct page *page;
    int64_t count = 0, total = 0;

    int r = read_all(run, &pages);
    if (r < 0)
        return r;
    STAILQ_FOREACH(page, &pages, link)
        for (size_t i = 0; r == 0 && i < page->rows->row_count; i++) {
            r = act_on(run, act, done, aisha_cell_text(page->rows, i, "id"), &count);
            total += r == 0 ? count : 0;
        }
    if (r == 0)
        printf("%" PRId64 " dead letters\n", total);
    return r;
}

/* Does one thing to the one that is named, or to all. */
static AISHA_ASYNC int each(struct run *run, change act, const char *done)
{
    int64_t count = 0;

    if (strcmp(run->id, "all") == 0)
        return act_on_all(run, act, done);
    int r = act_on(run, act, done, run->id, &count);
    return r < 0 || count ? r : say_not_found(run);
}

static AISHA_ASYNC int replay(struct run *run)
{
    return each(run, dead_letter_replay,
                "is handled again: within seconds when the host runs, else at its next start");
}

static bool is_confirmed(struct run *run)
{
    char answer[16] = "";

    if (run->is_sure)
        return true;
    if (!isatty(STDIN_FILENO))
        return false;
    printf("Drop %s for ever? [y/N] ", line_of(&run->arena, run->id, TEXT_MAX));
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

static AISHA_ASYNC int drop(struct run *run)
{
    if (!is_confirmed(run)) {
        run->error = "nothing was dropped; say --yes when you are sure";
        return -AISHA_E_CANCELED;
    }
    return each(run, dead_letter_drop, "was dropped");
}

/* ---- */

static AISHA_ASYNC int open_and_act(struct run *run)
{
    size_t applied = 0;

    int r =
        db_open_beside(&run->db, run->loop, run->config->database.url, &run->arena, &run->error);
    if (r == 0)
        r = migrate_count(run->db, &run->arena, "host", host_migrations, host_migration_count,
                          &applied, &run->error);
    if (r == 0 && applied < host_migration_count) {
        run->error = "the tables are not up to date: start the host, or run \"aisha migrate\"";
        return -AISHA_E_CONFLICT;
    }
    return r < 0 ? r : run->action(run);
}

static AISHA_ASYNC void run_task(void *arg)
{
    struct run *run = arg;

    run->result = open_and_act(run);
    loop_stop(run->loop);
}

static int run_all(struct run *run)
{
    int r = loop_new(&run->loop, &(struct loop_options){0});
    if (r == 0)
        r = task_start(run->loop, "dead letters", run_task, run, NULL);
    if (r == 0)
        r = loop_run(run->loop);
    if (r == 0)
        r = run->result;
    if (r < 0)
        fprintf(stderr, "aisha: %s\n",
                run->error && *run->error ? line_of(&run->arena, run->error, 1000)
                                          : aisha_error_text(r));
    db_close(run->db);
    loop_free(run->loop);
    arena_clear(&run->arena);
    return r;
}

int dead_letters_command(const struct config *config, const char *action, const char *id,
                         bool is_sure)
{
    static const struct {
        const char *name;
        int (*run)(struct run *run);
        bool has_id;
    } actions[] = {
        {"list", list, false},
        {"show", show, true},
        {"replay", replay, true},
        {"drop", drop, true},
    };
    struct run run = {.config = config,
                      .id = id,
                      .is_sure = is_sure,
                      .bot_id = strtoll(config->telegram.token, NULL, 10)};

    for (size_t i = 0; action && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(action, actions[i].name) == 0 && actions[i].has_id == (id != NULL))
            run.action = actions[i].run;
    return run.action ? run_all(&run) : DEAD_LETTERS_USAGE;
}
