/*
 * A Telegram that says what it was told to: a thread that answers one request on each connection
 * and notes what it was asked. Set up by a scenario of loop_fixture.h.
 *
 * What is logged meanwhile is kept, and must not contain the token.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/io/http_client.h"
#include "host/telegram/client.h"
#include "tests/unit/loop_fixture.h"

#define TEST_TOKEN "123456789:AAsecret-token_of_these_tests"

enum { MAX_ASKED = 32 };

struct asked {
    char *text; /* the whole request, with a zero byte at its end */
    const char *body;
    size_t body_size;
    int64_t at_ms;
};

struct telegram_fixture {
    struct loop_fixture *f;
    struct http_client *http;
    struct telegram *telegram;
    int fd, port;
    char api_url[64], dir[64];
    const char *const *answers; /* of the script that runs */
    struct asked asked[MAX_ASKED];
    size_t asked_count;           /* by all scripts so far */
    struct wait answered, silent; /* silent: an answer_never has begun */
    int log_fd, stderr_fd;
};

/* rate and chat_rate as in telegram_options. */
void telegram_setup(struct telegram_fixture *t, struct loop_fixture *f, double rate,
                    double chat_rate);
/* The directory has to be empty again. */
void telegram_teardown(struct telegram_fixture *t);

/* Answers, each the bytes to send before the connection is closed. */
extern const char *const answer_nothing; /* just closes */
extern const char *const answer_never;   /* stays silent until the other side closes */
const char *answer(struct telegram_fixture *t, int status, const char *body);
/* {"ok":true,"result":…} */
const char *answer_ok(struct telegram_fixture *t, const char *result);
/* {"ok":false,"error_code":…,"description":…,"parameters":…}; parameters may be NULL. */
const char *answer_error(struct telegram_fixture *t, int code, const char *description,
                         const char *parameters);

/* Lets the thread give these answers, ended by NULL. */
void script(struct telegram_fixture *t, const char *const *answers);
#define SCRIPT(t, ...) script((t), (const char *const[]){__VA_ARGS__, NULL})

/* Waits until all of them were given, and checks that nothing more was asked. */
void script_end(struct telegram_fixture *t);

/* Checks the path after "/bot<token>/" of the n-th request. */
bool asked_for(const struct telegram_fixture *t, size_t n, const char *method);
/* Whether the body of the n-th request contains that text. */
bool asked_with(const struct telegram_fixture *t, size_t n, const char *text);

/* What was logged so far, in the arena. */
const char *logged(struct telegram_fixture *t);
