/*
 * The job and the next time are one transaction, and the job's key names schedule and time: who comes
 * second changes nothing.
 */
#include "host/bot/schedule.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/cron.h"
#include "host/bot/registry.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/store/db.h"
#include "host/store/jobs.h"
#include "host/store/uuid.h"

enum { LATE_S = 120 }; /* beyond that it was missed */

static AISHA_ASYNC int note(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                            const struct aisha_schedule *schedule)
{
    int64_t next;

    int r = cron_next(schedule->cron, (int64_t)time(NULL), &next);
    if (r < 0)
        return r;
    /* The time of another cron text is nobody's any more. One of a text that is not known stays,
     * unless it would come later, and so does one of the same text: it may have been missed. */
    return db_query(bot->db, arena,
                    &AISHA_SQL("INSERT INTO schedules (plugin, name, next_at, cron)"
                               " VALUES ($1, $2, $3, $4)"
                               " ON CONFLICT (plugin, name) DO UPDATE SET cron = $4, next_at ="
                               " CASE WHEN schedules.cron IN ('', $4) AND schedules.next_at < $3"
                               " THEN schedules.next_at ELSE $3 END"
                               " WHERE schedules.cron <> $4 OR schedules.next_at > $3",
                               plugin->name, schedule->name, next, schedule->cron),
                    NULL);
}

int schedules_start(struct bot *bot)
{
    struct arena arena = {0};
    int r = 0;

    for (size_t i = 0; i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        for (size_t j = 0; r == 0 && j < plugin->d.schedules.count; j++)
            r = note(bot, &arena, plugin, &plugin->d.schedules.rows[j]);
    }
    arena_clear(&arena);
    return r;
}

static const struct aisha_schedule *find(const struct bot *bot, const char *plugin_name,
                                         const char *name, const struct plugin **ret_plugin)
{
    for (size_t i = 0; i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        for (size_t j = 0; j < plugin->d.schedules.count; j++)
            if (strcmp(plugin->name, plugin_name) == 0 &&
                strcmp(plugin->d.schedules.rows[j].name, name) == 0) {
                *ret_plugin = plugin;
                return &plugin->d.schedules.rows[j];
            }
    }
    return NULL;
}

static AISHA_ASYNC int fire(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                            const struct aisha_schedule *schedule, int64_t due)
{
    const struct aisha_job_kind *kind = plugin_job(plugin, schedule->job);
    int64_t now = (int64_t)time(NULL), next;
    const struct job_order order = {
        .id = uuid_new(arena),
        .plugin = plugin->name,
        .kind = schedule->job,
        .unique = arena_printf(arena, "%s@%" PRId64, schedule->name, due),
        .data = arena_alloc(arena, kind->data_size + 1),
        .data_size = kind->data_size,
    };
    bool is_missed = now - due > LATE_S && !schedule->catches_up;

    int r = cron_next(schedule->cron, now, &next);
    if (r < 0)
        return r;
    if (is_missed)
        log_warn(plugin->name, "schedule=%s was missed by %lld s and waits for its next time",
                 schedule->name, (long long)(now - due));
    const struct aisha_statement both[] = {
        AISHA_SQL("UPDATE schedules SET next_at = $4 WHERE plugin = $1 AND name = $2"
                  " AND next_at = $3",
                  plugin->name, schedule->name, due, next),
        job_insert(arena, &order)};
    return db_batch(bot->db, arena, both, is_missed ? 1 : 2, NULL);
}

int schedules_run(struct bot *bot)
{
    struct arena arena = {0};
    const struct aisha_rows *due;

    int r = db_query(bot->db, &arena,
                     &AISHA_SQL("SELECT plugin, name, next_at FROM schedules WHERE next_at <= $1",
                                (int64_t)time(NULL)),
                     &due);
    for (size_t i = 0; r == 0 && i < due->row_count; i++) {
        const struct plugin *plugin;
        const struct aisha_schedule *schedule =
            find(bot, aisha_cell_text(due, i, "plugin"), aisha_cell_text(due, i, "name"), &plugin);
        if (schedule) /* else of a plugin that is not enabled */
            r = fire(bot, &arena, plugin, schedule, aisha_cell_int(due, i, "next_at"));
    }
    arena_clear(&arena);
    return r;
}
