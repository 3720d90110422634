#include "host/io/postgres_dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/worker.h"

enum { OLDEST_SERVER = 150000 };

struct dial {
    const char *url, *name;
    PGconn *pq;
    char *error; /* POSTGRES_ERROR_SIZE */
};

const char *postgres_url_error(struct arena *arena, const char *url)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    const char *error = NULL;

    if (!options) /* libpq quotes what it could not read, which may be a password */
        error = arena_printf(arena, "not a URL that libpq understands (postgresql://USER:PASSWORD@"
                                    "HOST:PORT/DATABASE, special characters as %%XX)");
    PQfreemem(message);
    PQconninfoFree(options);
    return error;
}

#define OUR_OPTIONS                                                                                \
    "-c timezone=UTC -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s"          \
    " -c client_connection_check_interval=2s -c bytea_output=hex"

/* Ours and those of the URL, which come later and win. */
static void write_options(const char *url, char *options, size_t size)
{
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    const char *theirs = NULL;

    for (const PQconninfoOption *option = parsed; option && option->keyword; option++)
        if (strcmp(option->keyword, "options") == 0)
            theirs = option->val;
    snprintf(options, size, OUR_OPTIONS " %s", theirs ? theirs : "");
    PQconninfoFree(parsed);
}

/* In the worker's thread. What comes after dbname wins over what the URL says, what comes before it
 * does not. */
static int connect_now(void *arg)
{
    static const char *const keywords[] = {
        "connect_timeout", "fallback_application_name", "client_encoding",
        "keepalives_idle", "tcp_user_timeout",          "dbname",
        "options",         "application_name",          NULL,
    };
    struct dial *dial = arg;
    char options[1024];
    const char *const values[] = {"5",       "aisha", "UTF8",     "30", "15000",
                                  dial->url, options, dial->name, NULL};

    write_options(dial->url, options, sizeof options);
    dial->pq = PQconnectdbParams(keywords, values, 1);
    if (!dial->pq)
        return -ENOMEM;
    if (PQstatus(dial->pq) != CONNECTION_OK) {
        const char *message = PQerrorMessage(dial->pq);
        snprintf(dial->error, POSTGRES_ERROR_SIZE, "%.*s", (int)strcspn(message, "\n"), message);
    } else if (PQserverVersion(dial->pq) < OLDEST_SERVER) {
        snprintf(dial->error, POSTGRES_ERROR_SIZE,
                 "PostgreSQL %d is too old; 15 or later is needed",
                 PQserverVersion(dial->pq) / 10000);
    } else {
        return 0;
    }
    PQfinish(dial->pq);
    return -AISHA_E_UNAVAILABLE;
}

/* Else libpq writes it to standard error, past the log. */
static void on_notice(void *user, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    (void)user;
    log_debug("db", "PostgreSQL says: %s", message ? message : "");
}

int postgres_dial(struct workers *workers, const char *url, const char *name, PGconn **ret_pq,
                  char ret_error[POSTGRES_ERROR_SIZE])
{
    struct dial dial = {.url = url, .name = name, .error = ret_error};

    *ret_error = '\0';
    int r = workers_run(workers, connect_now, &dial);
    if (r < 0 && !*ret_error)
        snprintf(ret_error, POSTGRES_ERROR_SIZE, "%s", aisha_error_text(r));
    if (r < 0)
        return r;
    *ret_pq = dial.pq;
    PQsetNoticeReceiver(dial.pq, on_notice, NULL);
    return 0;
}

static int cancel_now(void *arg)
{
    char error[POSTGRES_ERROR_SIZE];

    return PQcancel(arg, error, sizeof error) == 1 ? 0 : -AISHA_E_UNAVAILABLE;
}

void postgres_cancel(struct workers *workers, PGcancel *cancel)
{
    aisha_ignore(workers_run(workers, cancel_now, cancel)); /* the server ends it later by itself */
    PQfreeCancel(cancel);
}
