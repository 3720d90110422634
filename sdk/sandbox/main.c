/*
 * aisha-sandbox: Telegram and the AI providers on one's own machine.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/sandbox.h"

enum {
    LARGEST_BODY = 64 * 1024 * 1024,
    READ_TIMEOUT_MS = 60000,
    MOST_CONNECTIONS = 8192,
    TASK_LIMIT = MOST_CONNECTIONS + 1024, /* one for each, and those of the sandbox itself */
};

struct program {
    struct loop *loop;
    struct http_server *server;
};

struct options {
    const char *listen;
    struct sandbox_options sandbox;
};

static void on_signal(int signal_number, short events, void *arg)
{
    struct program *program = arg;

    (void)signal_number;
    (void)events;
    http_server_stop(program->server);
    loop_stop(program->loop);
}

static int usage(FILE *out)
{
    fputs("usage: aisha-sandbox [--listen ADDRESS:PORT] [--data DIRECTORY] [--flood-limits]\n"
          "\n"
          "  --listen        where to serve; port 0 takes a free one (127.0.0.1:8090)\n"
          "  --data          keep chats and files there (in memory)\n"
          "  --flood-limits  refuse what is sent too fast, as Telegram does\n",
          out);
    return out == stderr ? 2 : 0;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"flood-limits", no_argument, NULL, 'f'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;

    while ((option = getopt_long(argc, argv, "h", known, NULL)) >= 0) {
        if (option == 'h')
            return usage(stdout);
        if (option == '?')
            return usage(stderr);
        if (option == 'l')
            options->listen = optarg;
        else if (option == 'd')
            options->sandbox.data_directory = optarg;
        else
            options->sandbox.has_flood_limits = true;
    }
    return optind < argc ? usage(stderr) : -1;
}

/* As many files as the system lets us have: every connection is one. */
static void allow_connections(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static bool is_streamed(const struct http_exchange *exchange, void *user)
{
    (void)user;
    return fal_is_streamed(exchange);
}

static int serve(struct program *program, struct sandbox *sandbox, const char *address)
{
    const struct http_server_options options = {.max_body_bytes = LARGEST_BODY,
                                                .max_connections = MOST_CONNECTIONS,
                                                .read_timeout_ms = READ_TIMEOUT_MS,
                                                .is_streamed = is_streamed};
    const char *colon = strrchr(address, ':');
    struct event *signals[2];

    int r = http_server_start(&program->server, program->loop, address, &options, sandbox_handle,
                              sandbox);
    if (r < 0) {
        fprintf(stderr, "aisha-sandbox: cannot listen on %s: %s\n", address, aisha_error_text(r));
        return 1;
    }
    for (size_t i = 0; i < 2; i++) {
        signals[i] = event_new(loop_base(program->loop), i ? SIGTERM : SIGINT,
                               EV_SIGNAL | EV_PERSIST, on_signal, program);
        event_add(signals[i], NULL);
    }
    printf("listening on http://%.*s:%d\n", (int)(colon - address), address,
           http_server_port(program->server));
    fflush(stdout);
    r = loop_run(program->loop);
    for (size_t i = 0; i < 2; i++)
        event_free(signals[i]);
    http_server_free(program->server);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options options = {.listen = "127.0.0.1:8090"};
    struct program program = {0};
    struct sandbox *sandbox;

    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    signal(SIGPIPE, SIG_IGN);
    allow_connections();
    int r = loop_new(&program.loop, &(struct loop_options){.max_tasks = TASK_LIMIT});
    if (r == 0)
        r = sandbox_new(&sandbox, program.loop, &options.sandbox);
    if (r < 0) {
        fprintf(stderr, "aisha-sandbox: cannot start: %s\n", aisha_error_text(r));
        loop_free(program.loop);
        return 1;
    }
    status = serve(&program, sandbox, options.listen);
    sandbox_free(sandbox);
    loop_free(program.loop);
    return status;
}
