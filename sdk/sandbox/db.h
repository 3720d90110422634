/*
 * A few calls over SQLite, for one thread. Arguments follow a format: "i" int64_t, "t" text that may
 * be NULL, "b" bytes as pointer and size_t.
 *
 * The sandbox's database is private to it, so an error is a full disk or a bug: it is logged, and
 * remembered until db_take_failure().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct db;

/* path may be ":memory:". schema is run at each start. On failure logs why. */
int db_open(struct db **ret_db, const char *path, const char *schema);
void db_close(struct db *db);

/* Whether a call has failed since the last question. */
bool db_take_failure(struct db *db);

/* sql is kept by address: it must be a literal. */
void db_run(struct db *db, const char *sql, const char *format, ...);

/* The first column of the first row; missing, or NULL, when there is none. */
int64_t db_int(struct db *db, int64_t missing, const char *sql, const char *format, ...);
char *db_text(struct db *db, struct arena *arena, const char *sql, const char *format, ...);
cJSON *db_json(struct db *db, struct arena *arena, const char *sql, const char *format, ...);
const void *db_bytes(struct db *db, struct arena *arena, size_t *ret_size, const char *sql,
                     const char *format, ...);

/* The first column of all rows, each JSON text, as an array. */
cJSON *db_json_rows(struct db *db, struct arena *arena, const char *sql, const char *format, ...);
