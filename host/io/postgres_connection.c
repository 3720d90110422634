#include "host/io/postgres_connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uthash.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/io/postgres_statement.h"
#include "host/io/sql_log.h"

enum {
    MAX_PREPARED = 500, /* for each connection; what comes after that is sent whole each time */
    NAME_SIZE = 16,
    SILENCE_MS = 20000, /* the server itself ends statements sooner (statement_timeout) */
    WATCH_S = 5,
};

enum prepared_state {
    PREPARED_SENT, /* the answer is still to come: others send theirs whole */
    PREPARED_READY,
};

struct postgres_prepared {
    char *key; /* types of the parameters and text */
    char name[NAME_SIZE];
    enum prepared_state state;
    UT_hash_handle hh;
};

enum command_kind {
    COMMAND_PREPARE,
    COMMAND_RUN,
};

struct postgres_command {
    enum command_kind kind;
    size_t statement;                   /* index */
    struct postgres_prepared *prepared; /* of COMMAND_PREPARE */
};

/* ---- prepared statements ---- */

/* The same text with other types is another statement to the server. */
static const char *prepared_key(struct arena *arena, const struct aisha_statement *statement)
{
    size_t length = strlen(statement->sql), count = statement->param_count;
    char *key = arena_alloc(arena, count + length + 2);

    for (size_t i = 0; i < count; i++)
        key[i] = (char)('0' + (int)statement->params[i].type);
    key[count] = ' ';
    memcpy(key + count + 1, statement->sql, length);
    return key;
}

static struct postgres_prepared *prepared_add(struct postgres_connection *connection,
                                              const char *key)
{
    struct postgres_prepared *prepared = calloc(1, sizeof *prepared);

    if (!prepared || !(prepared->key = strdup(key)))
        abort();
    snprintf(prepared->name, sizeof prepared->name, "a%u", ++connection->prepared_count);
    HASH_ADD_KEYPTR(hh, connection->prepared, prepared->key, strlen(prepared->key), prepared);
    return prepared;
}

static void prepared_forget(struct postgres_connection *connection,
                            struct postgres_prepared *prepared)
{
    HASH_DEL(connection->prepared, prepared);
    free(prepared->key);
    free(prepared);
}

/* ---- life ---- */

/* Breaking may free nothing that a caller up the stack still uses: the owner frees later. */
void postgres_connection_break(struct postgres_connection *connection, const char *why)
{
    struct postgres_request *request;

    if (connection->is_broken)
        return;
    connection->is_broken = true;
    log_warn("db", "a connection is lost: %s", why);
    event_del(connection->read);
    event_del(connection->write);
    event_del(connection->timer);
    shutdown(PQsocket(connection->pq), SHUT_RDWR); /* so that the server ends its transaction now */
    while ((request = STAILQ_FIRST(&connection->requests))) {
        STAILQ_REMOVE_HEAD(&connection->requests, link);
        connection->pending--;
        wait_wake(&request->wait, -AISHA_E_UNAVAILABLE);
    }
    if (connection->broken)
        connection->broken(connection, connection->user);
}

static void break_as_libpq_says(struct postgres_connection *connection)
{
    const char *message = PQerrorMessage(connection->pq);
    char line[200];

    snprintf(line, sizeof line, "%.*s", (int)strcspn(message, "\n"), message);
    postgres_connection_break(connection, *line ? line : "no reason is known");
}

static void flush(struct postgres_connection *connection)
{
    int r = PQflush(connection->pq);

    if (r < 0)
        break_as_libpq_says(connection);
    else if (r > 0)
        event_add(connection->write, NULL);
}

/* ---- answers ---- */

static void finish(struct postgres_connection *connection, struct postgres_request *request)
{
    STAILQ_REMOVE_HEAD(&connection->requests, link);
    connection->pending--;
    wait_wake(&request->wait, request->result);
}

static void fail(struct postgres_request *request, const PGresult *result, const char *sql)
{
    request->is_lost_race = postgres_is_lost_race(result);
    request->is_stale = postgres_is_stale(result);
    request->result = postgres_error(request->who, result, sql);
}

static void forget_stale(struct postgres_connection *connection, struct postgres_request *request,
                         const struct aisha_statement *statement)
{
    const char *key = prepared_key(request->arena, statement);
    struct postgres_prepared *prepared;

    HASH_FIND_STR(connection->prepared, key, prepared);
    if (prepared && prepared->state == PREPARED_READY)
        prepared_forget(connection, prepared);
}

static void answer_prepare(struct postgres_connection *connection,
                           struct postgres_prepared *prepared, ExecStatusType status)
{
    if (status == PGRES_COMMAND_OK)
        prepared->state = PREPARED_READY;
    else
        prepared_forget(connection, prepared);
}

static void answer_run(struct postgres_connection *connection, struct postgres_request *request,
                       size_t i, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    const struct aisha_rows *rows;

    if (status == PGRES_FATAL_ERROR && request->is_stale)
        forget_stale(connection, request, &request->statements[i]);
    if (status == PGRES_EMPTY_QUERY && request->result == 0)
        request->result = -AISHA_E_INVALID;
    if ((status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) || request->result < 0)
        return;
    int r =
        postgres_decode(request->arena, request->who, result, request->statements[i].sql, &rows);
    if (r < 0)
        request->result = r;
    else if (request->ret_rows)
        request->ret_rows[i] = rows;
}

static void answer_command(struct postgres_connection *connection, struct postgres_request *request,
                           const PGresult *result)
{
    struct postgres_command *command = &request->commands[request->answered++];
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_FATAL_ERROR && request->result == 0)
        fail(request, result, request->statements[command->statement].sql);
    if (command->kind == COMMAND_PREPARE)
        answer_prepare(connection, command->prepared, status);
    else
        answer_run(connection, request, command->statement, result);
}

static void answer_script(struct postgres_request *request, const PGresult *result)
{
    if (PQresultStatus(result) == PGRES_FATAL_ERROR && request->result == 0)
        fail(request, result, request->script);
}

/* Takes one result; NULL ends those of one command, and of a script. */
static void take_result(struct postgres_connection *connection, PGresult *result)
{
    struct postgres_request *request = STAILQ_FIRST(&connection->requests);

    if (request->script) {
        if (result)
            answer_script(request, result);
        else if (PQenterPipelineMode(connection->pq) == 1)
            finish(connection, request);
        else
            break_as_libpq_says(connection);
    } else if (result && PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        finish(connection, request);
    } else if (result && request->answered < request->command_count) {
        answer_command(connection, request, result);
    } else if (result && PQresultStatus(result) == PGRES_FATAL_ERROR && request->result == 0) {
        fail(request, result, "COMMIT"); /* of what was deferred */
    }
    PQclear(result);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct postgres_connection *connection = arg;

    (void)fd, (void)what;
    connection->active_at_ms = loop_now_ms(connection->loop);
    if (PQconsumeInput(connection->pq) != 1) {
        break_as_libpq_says(connection);
        return;
    }
    while (!connection->is_broken && connection->pending > 0 && !PQisBusy(connection->pq))
        take_result(connection, PQgetResult(connection->pq));
    if (!connection->is_broken && PQstatus(connection->pq) == CONNECTION_BAD)
        break_as_libpq_says(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg);
}

/* A server that is stopped, or behind a broken network, says nothing at all. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct postgres_connection *connection = arg;
    const struct postgres_request *oldest = STAILQ_FIRST(&connection->requests);

    (void)fd, (void)what;
    if (oldest && !oldest->is_patient &&
        loop_now_ms(connection->loop) - connection->active_at_ms > SILENCE_MS)
        postgres_connection_break(connection, "the server does not answer");
}

/* ---- requests ---- */

/* Prepares the statement when it is new here, and room is left. NULL: it is sent whole. */
static struct postgres_prepared *prepare(struct postgres_connection *connection,
                                         struct postgres_request *request, size_t i)
{
    const char *key = prepared_key(request->arena, &request->statements[i]);
    const struct postgres_params *params = &request->params[i];
    struct postgres_prepared *prepared;

    HASH_FIND_STR(connection->prepared, key, prepared);
    if (prepared)
        return prepared->state == PREPARED_READY ? prepared : NULL;
    if (connection->prepared_count == MAX_PREPARED)
        return NULL;
    prepared = prepared_add(connection, key);
    request->commands[request->command_count++] =
        (struct postgres_command){.kind = COMMAND_PREPARE, .statement = i, .prepared = prepared};
    /* When this fails the connection is broken, which the next call says, too. */
    aisha_ignore(PQsendPrepare(connection->pq, prepared->name, request->statements[i].sql,
                               params->count, params->types));
    return prepared;
}

static bool send_statement(struct postgres_connection *connection, struct postgres_request *request,
                           size_t i)
{
    const struct postgres_params *params = &request->params[i];
    const char *const *values = params->values;
    const struct postgres_prepared *prepared = prepare(connection, request, i);

    request->commands[request->command_count++] =
        (struct postgres_command){.kind = COMMAND_RUN, .statement = i};
    if (prepared)
        return PQsendQueryPrepared(connection->pq, prepared->name, params->count, values,
                                   params->lengths, params->formats, 0) == 1;
    return PQsendQueryParams(connection->pq, request->statements[i].sql, params->count,
                             params->types, values, params->lengths, params->formats, 0) == 1;
}

static bool send_request(struct postgres_connection *connection, struct postgres_request *request)
{
    PGconn *pq = connection->pq;
    bool is_sent = true;

    if (request->script)
        return PQexitPipelineMode(pq) == 1 && PQsendQuery(pq, request->script) == 1;
    for (size_t i = 0; is_sent && i < request->count; i++)
        is_sent = send_statement(connection, request, i);
    return is_sent && PQpipelineSync(pq) == 1;
}

/* Nothing is sent of a request whose parameters cannot be. */
static int encode(struct postgres_request *request)
{
    request->commands = arena_alloc(request->arena, 2 * request->count * sizeof *request->commands);
    request->params = arena_alloc(request->arena, request->count * sizeof *request->params);
    for (size_t i = 0; i < request->count; i++) {
        int r = postgres_encode(request->arena, request->who, &request->statements[i],
                                &request->params[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int postgres_connection_run(struct postgres_connection *connection,
                            struct postgres_request *request)
{
    request->who = sql_log_who(connection->loop);
    int r = connection->is_broken ? -AISHA_E_UNAVAILABLE : encode(request);
    request->is_sent = r == 0;
    if (r < 0)
        return r;
    request->command_count = request->answered = 0;
    request->result = 0;
    request->is_lost_race = request->is_stale = false;
    if (connection->pending == 0)
        connection->active_at_ms = loop_now_ms(connection->loop);
    wait_init(&request->wait, connection->loop);
    STAILQ_INSERT_TAIL(&connection->requests, request, link);
    connection->pending++;
    if (send_request(connection, request))
        flush(connection);
    else
        break_as_libpq_says(connection);
    return wait_for_uncancelled(&request->wait, WAIT_FOREVER);
}

int postgres_connection_new(struct postgres_connection **ret_connection, struct loop *loop,
                            PGconn *pq)
{
    const struct timeval watch = {.tv_sec = WATCH_S};
    struct event_base *base = loop_base(loop);
    struct postgres_connection *connection = calloc(1, sizeof *connection);

    if (!connection) {
        PQfinish(pq);
        return -ENOMEM;
    }
    *connection = (struct postgres_connection){
        .loop = loop,
        .pq = pq,
        .read = event_new(base, PQsocket(pq), EV_READ | EV_PERSIST, on_readable, connection),
        .write = event_new(base, PQsocket(pq), EV_WRITE, on_writable, connection),
        .timer = event_new(base, -1, EV_PERSIST, on_timer, connection),
    };
    STAILQ_INIT(&connection->requests);
    if (!connection->read || !connection->write || !connection->timer ||
        PQsetnonblocking(pq, 1) < 0 || PQenterPipelineMode(pq) != 1) {
        postgres_connection_free(connection);
        return -ENOMEM;
    }
    event_add(connection->read, NULL);
    event_add(connection->timer, &watch);
    *ret_connection = connection;
    return 0;
}

void postgres_connection_free(struct postgres_connection *connection)
{
    struct postgres_prepared *prepared, *next;

    if (!connection)
        return;
    if (connection->read)
        event_free(connection->read);
    if (connection->write)
        event_free(connection->write);
    if (connection->timer)
        event_free(connection->timer);
    HASH_ITER(hh, connection->prepared, prepared, next)
    prepared_forget(connection, prepared);
    PQfinish(connection->pq);
    free(connection);
}
