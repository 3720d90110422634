/*
 * Numbers and bytes travel in binary with their type, text without one: the server then reads it as
 * what its place wants (text, uuid, timestamptz, jsonb, …). Results come as text.
 */
#include "host/io/postgres_statement.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/postgres.h"
#include "host/io/sql_log.h"

enum {
    MAX_PARAMS = 65535,
    MAX_ROWS = 10000,
    MAX_RESULT_BYTES = 16 * 1024 * 1024,
    /* pg_type.oid */
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_OID = 26,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_NUMERIC = 1700,
};

/* ---- parameters ---- */

static const char *eight_bytes(struct arena *arena, uint64_t host_order)
{
    uint64_t network_order = htobe64(host_order);

    return arena_memdup(arena, &network_order, sizeof network_order);
}

static int encode_value(struct arena *arena, const struct aisha_value *value,
                        struct postgres_params *params, int i)
{
    uint64_t bits;

    params->formats[i] = 1;
    params->lengths[i] = 8;
    switch (value->type) {
    case AISHA_INT:
        params->types[i] = TYPE_INT8;
        params->values[i] = eight_bytes(arena, (uint64_t)value->integer);
        break;
    case AISHA_REAL:
        memcpy(&bits, &value->real, sizeof bits);
        params->types[i] = TYPE_FLOAT8;
        params->values[i] = eight_bytes(arena, bits);
        break;
    case AISHA_TEXT:
        if (value->size > INT_MAX || memchr(value->text, '\0', value->size))
            return -AISHA_E_INVALID;
        params->formats[i] = 0;
        params->values[i] =
            value->text[value->size] ? arena_strndup(arena, value->text, value->size) : value->text;
        break;
    case AISHA_BYTES:
        if (value->size > INT_MAX)
            return -AISHA_E_LIMIT;
        params->types[i] = TYPE_BYTEA;
        params->lengths[i] = (int)value->size;
        params->values[i] = value->size ? value->bytes : "";
        break;
    default:
        params->formats[i] = 0;
    }
    return 0;
}

int postgres_encode(struct arena *arena, const char *who, const struct aisha_statement *statement,
                    struct postgres_params *ret_params)
{
    size_t count = statement->param_count;
    struct postgres_params params = {.count = (int)count};

    if (count > MAX_PARAMS)
        return -AISHA_E_LIMIT;
    params.types = arena_alloc(arena, (count + 1) * sizeof *params.types);
    params.values = arena_alloc(arena, (count + 1) * sizeof *params.values);
    params.lengths = arena_alloc(arena, (count + 1) * sizeof *params.lengths);
    params.formats = arena_alloc(arena, (count + 1) * sizeof *params.formats);
    for (int i = 0; i < params.count; i++) {
        int r = encode_value(arena, &statement->params[i], &params, i);
        if (r < 0) {
            sql_log(who, statement->sql, "parameter $%d cannot be sent", i + 1);
            return r;
        }
    }
    *ret_params = params;
    return 0;
}

/* ---- what a statement is ---- */

static const char *skip_comment(const char *sql)
{
    unsigned depth = 0;

    if (sql[0] == '-')
        return sql + strcspn(sql, "\n");
    do { /* these nest */
        if (sql[0] == '/' && sql[1] == '*')
            depth++, sql += 2;
        else if (sql[0] == '*' && sql[1] == '/')
            depth--, sql += 2;
        else
            sql++;
    } while (*sql && depth > 0);
    return sql;
}

static bool is_comment(const char *sql)
{
    return (sql[0] == '-' && sql[1] == '-') || (sql[0] == '/' && sql[1] == '*');
}

/* Past white space, comments and what may stand before a first word. */
static const char *skip_space(const char *sql)
{
    for (;;) {
        if (*sql && (isspace((unsigned char)*sql) || *sql == ';' || *sql == '('))
            sql++;
        else if (is_comment(sql))
            sql = skip_comment(sql);
        else
            return sql;
    }
}

static bool is_word_part(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *sql)
{
    size_t length = 0;

    while (is_word_part(sql[length]))
        length++;
    return length;
}

static bool is_one_of(const char *word, size_t length, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == length && strncasecmp(word, *words, length) == 0)
            return true;
    return false;
}

static int check(const char *who, const char *sql)
{
    static const char *const refused[] = {
        "BEGIN",    "START", "COMMIT",     "END",      "ROLLBACK", "ABORT", "SAVEPOINT",
        "RELEASE",  "SET",   "RESET",      "DISCARD",  "PREPARE",  "COPY",  "LISTEN",
        "UNLISTEN", "CLOSE", "DEALLOCATE", "DECLARE",  "FETCH",    "MOVE",  "EXECUTE",
        "LOCK",     "LOAD",  "CHECKPOINT", "REASSIGN", "CALL",     NULL,
    };
    const char *word = skip_space(sql);
    size_t length = word_length(word);

    if (!is_one_of(word, length, refused))
        return 0;
    sql_log(who, sql,
            "%.*s is the host's: this runs in a transaction already, on a connection that others "
            "share",
            (int)length, word);
    return -AISHA_E_INVALID;
}

int postgres_check(const char *who, const struct aisha_statement *statements, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = check(who, statements[i].sql);
    return r;
}

/* Past a string or a quoted name that begins here; else one character. Dollar quotes are not
 * known: their words count, so that at worst a read is taken for a write. */
static const char *skip_quoted(const char *sql)
{
    if (*sql != '\'' && *sql != '"')
        return sql + 1;
    const char *end = strchr(sql + 1, *sql);
    return end ? end + 1 : sql + strlen(sql);
}

/* Whether a word that writes stands anywhere outside of quotes and comments. */
static bool has_writing_word(const char *sql)
{
    static const char *const writing[] = {"INSERT", "UPDATE", "DELETE", "MERGE", "INTO", NULL};

    while (*sql) {
        size_t length = word_length(sql);
        if (is_one_of(sql, length, writing))
            return true;
        if (is_comment(sql))
            sql = skip_comment(sql);
        else
            sql = length ? sql + length : skip_quoted(sql);
    }
    return false;
}

bool postgres_is_read_only(const char *sql)
{
    static const char *const reading[] = {"SELECT", "VALUES", "TABLE", "WITH", "SHOW", NULL};
    const char *word = skip_space(sql);

    return is_one_of(word, word_length(word), reading) && !has_writing_word(word);
}

/* ---- results ---- */

static struct aisha_value number_of(const char *text, bool may_be_whole)
{
    char *end;

    errno = 0;
    if (may_be_whole) {
        long long integer = strtoll(text, &end, 10);
        if (!*end && errno == 0)
            return aisha_value_int(integer);
    }
    return aisha_value_real(strtod(text, NULL));
}

static struct aisha_value bytes_of(struct arena *arena, const char *text)
{
    size_t size;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &size);

    if (!bytes)
        abort();
    struct aisha_value value = aisha_value_bytes(arena_memdup(arena, bytes, size), size);
    PQfreemem(bytes);
    return value;
}

static struct aisha_value value_of(struct arena *arena, const PGresult *result, int row, int column)
{
    const char *text = PQgetvalue(result, row, column);
    size_t length = (size_t)PQgetlength(result, row, column);

    if (PQgetisnull(result, row, column))
        return (struct aisha_value){.type = AISHA_NULL};
    switch (PQftype(result, column)) {
    case TYPE_BOOL:
        return aisha_value_int(*text == 't');
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_NUMERIC: /* of sum(bigint), say */
        return number_of(text, true);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return number_of(text, false);
    case TYPE_BYTEA:
        return bytes_of(arena, text);
    default:
        return (struct aisha_value){
            .type = AISHA_TEXT, .text = arena_strndup(arena, text, length), .size = length};
    }
}

static size_t result_bytes(const PGresult *result)
{
    size_t bytes = 0;

    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            bytes += (size_t)PQgetlength(result, row, column);
    return bytes;
}

/* PQcmdTuples() wants to change what it only reads, and counts what SELECT returns, too. */
static int64_t changed_count(const PGresult *result)
{
    char *status = PQcmdStatus((PGresult *)(uintptr_t)result);
    const char *count = PQcmdTuples((PGresult *)(uintptr_t)result);

    return strncmp(status, "SELECT", 6) == 0 ? 0 : strtoll(count, NULL, 10);
}

int postgres_decode(struct arena *arena, const char *who, const PGresult *result, const char *sql,
                    const struct aisha_rows **ret_rows)
{
    size_t rows = (size_t)PQntuples(result), columns = (size_t)PQnfields(result);

    if (rows > MAX_ROWS || (rows > 1 && result_bytes(result) > MAX_RESULT_BYTES)) {
        sql_log(who, sql, "the result is too large");
        return -AISHA_E_LIMIT;
    }
    const char **names = arena_alloc(arena, (columns + 1) * sizeof *names);
    struct aisha_value *values = arena_alloc(arena, (rows * columns + 1) * sizeof *values);
    for (size_t i = 0; i < columns; i++)
        names[i] = arena_strdup(arena, PQfname(result, (int)i));
    for (size_t i = 0; i < rows * columns; i++)
        values[i] = value_of(arena, result, (int)(i / columns), (int)(i % columns));
    struct aisha_rows *decoded = arena_alloc(arena, sizeof *decoded);
    *decoded = (struct aisha_rows){.size = sizeof *decoded,
                                   .row_count = rows,
                                   .column_count = columns,
                                   .columns = names,
                                   .values = values,
                                   .changed_count = changed_count(result)};
    *ret_rows = decoded;
    return 0;
}

/* ---- errors ---- */

static const char *state_of(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state ? state : "";
}

bool postgres_is_lost_race(const PGresult *result)
{
    const char *state = state_of(result);

    return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}

bool postgres_is_stale(const PGresult *result)
{
    const char *state = state_of(result);

    return strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0;
}

int postgres_error(const char *who, const PGresult *result, const char *sql)
{
    static const struct {
        const char *state; /* or its beginning */
        int code;
    } codes[] = {
        {"23", -AISHA_E_CONFLICT},       /* integrity constraint */
        {"57014", -AISHA_E_TIMEOUT},     /* the statement ran too long */
        {"55P03", -AISHA_E_UNAVAILABLE}, /* a lock could not be had */
        {"25006", -AISHA_E_UNAVAILABLE}, /* read-only: a server that gives up its place */
        {"25P0", -AISHA_E_UNAVAILABLE},  /* the transaction is over already */
        {"08P01", -AISHA_E_INVALID},     /* too few parameters, say */
        {"08", -AISHA_E_UNAVAILABLE},    /* connection */
        {"40", -AISHA_E_UNAVAILABLE},    /* the transaction was rolled back */
        {"53", -AISHA_E_UNAVAILABLE},    /* disk, memory, connections are used up */
        {"57P", -AISHA_E_UNAVAILABLE},   /* shutting down, starting up */
        {"58", -AISHA_E_UNAVAILABLE},    /* the system around it */
        {"XX", -AISHA_E_UNAVAILABLE},    {"54", -AISHA_E_LIMIT},
    };

    const char *state = state_of(result);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool may_quote = strncmp(state, "22", 2) == 0; /* "invalid input: …": values may be private */

    sql_log(who, sql, "code=%s %s", state,
            may_quote ? "a value does not fit"
            : message ? message
                      : "no answer");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0)
            return codes[i].code;
    return *state ? -AISHA_E_INVALID : -AISHA_E_UNAVAILABLE;
}
