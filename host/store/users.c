/*
 * Nearly every update finds the row as it should be: at most one point read, and no write.
 */
#include "host/store/users.h"

#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/user_copies.h"
#include "host/store/uuid.h"

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

bool user_profile_equals(const struct user_profile *a, const struct user_profile *b)
{
    return a->telegram_id == b->telegram_id && same(a->first_name, b->first_name) &&
           same(a->last_name, b->last_name) && same(a->username, b->username) &&
           same(a->language_code, b->language_code);
}

#define SELECT_USER                                                                                \
    "SELECT id, telegram_id, first_name, last_name, username, language_code, locale,"              \
    " blocked_at IS NOT NULL OR gone_at IS NOT NULL AS is_away FROM users"

static AISHA_ASYNC int find(struct db *db, struct arena *arena, int64_t telegram_id,
                            const struct aisha_rows **ret_rows)
{
    return db_query(db, arena, &AISHA_SQL(SELECT_USER " WHERE telegram_id = $1", telegram_id),
                    ret_rows);
}

static struct user read_user(const struct aisha_rows *rows)
{
    return (struct user){.id = aisha_cell_text(rows, 0, "id"),
                         .locale = aisha_cell_text(rows, 0, "locale"),
                         .language_code = aisha_cell_text(rows, 0, "language_code"),
                         .telegram_id = aisha_cell_int(rows, 0, "telegram_id"),
                         .is_away = aisha_cell_int(rows, 0, "is_away") != 0};
}

int users_find(struct db *db, struct arena *arena, int64_t telegram_id, struct user *ret_user)
{
    const struct aisha_rows *rows;

    int r = find(db, arena, telegram_id, &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret_user = read_user(rows);
    return 0;
}

int users_find_by_id(struct db *db, struct arena *arena, const char *id, struct user *ret_user)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena, &AISHA_SQL(SELECT_USER " WHERE id = $1", id), &rows);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret_user = read_user(rows);
    return 0;
}

static bool is_current(const struct aisha_rows *rows, const struct user_profile *profile)
{
    const struct user_profile stored = {
        .telegram_id = aisha_cell_int(rows, 0, "telegram_id"),
        .first_name = aisha_cell_text(rows, 0, "first_name"),
        .last_name = aisha_cell_text(rows, 0, "last_name"),
        .username = aisha_cell_text(rows, 0, "username"),
        .language_code = aisha_cell_text(rows, 0, "language_code"),
    };

    return rows->row_count == 1 && user_profile_equals(&stored, profile);
}

static AISHA_ASYNC int save(struct db *db, struct arena *arena, const struct user_profile *profile)
{
    int64_t now = (int64_t)time(NULL);

    return db_query(
        db, arena,
        &AISHA_SQL("INSERT INTO users (id, telegram_id, first_name, last_name, username,"
                   " language_code, created_at, updated_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
                   " ON CONFLICT (telegram_id) DO UPDATE SET first_name = excluded.first_name,"
                   " last_name = excluded.last_name, username = excluded.username,"
                   " language_code = excluded.language_code, updated_at = excluded.updated_at",
                   uuid_new(arena), profile->telegram_id, profile->first_name, profile->last_name,
                   profile->username, profile->language_code, now),
        NULL);
}

int users_meet(struct db *db, struct user_copies *copies, struct arena *arena,
               const struct user_profile *profile, struct user *ret_user)
{
    struct user_profile known = *profile;
    const struct aisha_rows *rows;

    if (!known.first_name)
        known.first_name = "";
    if (user_copies_find(copies, arena, &known, ret_user))
        return 0;
    int r = find(db, arena, known.telegram_id, &rows);
    if (r < 0)
        return r;
    if (!is_current(rows, &known)) {
        user_copies_drop(copies, known.telegram_id);
        r = save(db, arena, &known);
        if (r == 0)
            r = find(db, arena, known.telegram_id, &rows);
        if (r < 0)
            return r;
    }
    if (rows->row_count != 1)
        return -AISHA_E_CONFLICT; /* deleted meanwhile */
    *ret_user = read_user(rows);
    if (is_current(rows, &known)) /* or another update of theirs was quicker */
        user_copies_keep(copies, &known, ret_user);
    return 0;
}

int users_set_absence(struct db *db, struct user_copies *copies, struct arena *arena,
                      int64_t telegram_id, enum user_absence absence)
{
    static const char *const changes[] = {
        [USER_HERE] = "UPDATE users SET blocked_at = NULL, gone_at = NULL WHERE telegram_id = $1"
                      " AND (blocked_at IS NOT NULL OR gone_at IS NOT NULL) AND $2 > 0",
        [USER_BLOCKED] = "UPDATE users SET blocked_at = $2"
                         " WHERE telegram_id = $1 AND blocked_at IS NULL",
        [USER_GONE] = "UPDATE users SET gone_at = $2 WHERE telegram_id = $1 AND gone_at IS NULL",
    };

    user_copies_forget(copies, telegram_id);
    int r =
        db_query(db, arena, &AISHA_SQL(changes[absence], telegram_id, (int64_t)time(NULL)), NULL);
    user_copies_forget(copies, telegram_id);
    return r;
}
