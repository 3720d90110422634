/*
 * The sandbox: Telegram's Bot API and the AI providers, simulated at the wire on one machine.
 *
 *   /bot<token>/<method>, /file/bot<token>/<path>   the Bot API            botapi.c, methods_*.c
 *   /openai/v1/…                                    OpenAI                 openai.c
 *   /fal/…                                          fal.ai                 fal.c
 *   /sandbox/…                                      control: act as users  control.c
 *   everything else                                 the chat page          page.c
 *
 * Everything runs on one loop; between two waits a handler is alone. It shares no code with the
 * host's idea of these protocols: both can only agree by both being right.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/openai.h"

struct arena;
struct clock;
struct clock_timer;
struct fal;
struct fault;
struct faults;
struct feed;
struct flood;
struct http_client;
struct http_exchange;
struct loop;
struct params;
struct question;
struct spec;
struct updates;
struct wait;
struct webhook;
struct workers;
struct world;

/* How the bot receives: what methods_update.c remembers. Times are clock_steady_ms() unless they
 * say otherwise. */
struct sandbox_poll {
    struct wait *waiting; /* the getUpdates that waits now, or NULL */
    int64_t seen_at_ms;   /* when one was last seen, by loop_now_ms(); 0 = never */
    int64_t last_offset, last_start_ms;
    int64_t next_conflict_ms; /* earlier ones are answered late */
    int64_t next_change_ms;   /* of the webhook; earlier ones are refused */
    int64_t launched_at_ms, logged_out_until_ms;
};

struct sandbox {
    struct loop *loop;
    struct workers *workers;
    struct http_client *http; /* fetches files that are sent by their address */
    struct clock *clock;
    struct world *world;
    struct spec *spec;
    struct faults *faults;
    struct flood *flood;
    struct flood_limits limits; /* at the start, and after a reset */
    struct feed *events, *requests;
    struct updates *updates;
    struct webhook *webhook;
    struct sandbox_poll poll;
    struct clock_timer *poll_end; /* of the poll that ends next (polls.c) */
    struct openai openai;
    cJSON *transcripts; /* scripted answers of the next transcriptions */
    struct fal *fal;
    struct question *questions; /* those who wait for the bot's word on a payment (payments.c) */
};

struct sandbox_options {
    const char *data_directory; /* NULL = everything in memory */
    bool has_flood_limits;
};

int sandbox_new(struct sandbox **ret_sandbox, struct loop *loop,
                const struct sandbox_options *options);

/* After the loop has ended. NULL is fine. */
void sandbox_free(struct sandbox *sandbox);

/* The http_handler; user is the sandbox. */
AISHA_ASYNC void sandbox_handle(struct http_exchange *exchange, void *user);

/* --- for the parts --- */

/* Tells those who watch the chats. details may be NULL; taken. */
void sandbox_emit(struct sandbox *sandbox, const char *type, int64_t chat_id, cJSON *details);

/* Saves a new or changed message and tells those who watch; type is "message" or "edit". Returns
 * its text, in the arena. */
const char *sandbox_publish(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                            const char *type);

/* Queues an update for the bot and wakes its poll. false when the bot does not want that kind. */
bool sandbox_push_update(struct sandbox *sandbox, struct arena *arena, const char *kind,
                         const cJSON *payload, int64_t update_id);

/* Sets the clock, also for the next start. */
void sandbox_move_clock(struct sandbox *sandbox, int64_t offset_ms);

/* A new Message with its id, date and chat; from is a User, copied; NULL = the bot. The arena owns
 * it. */
cJSON *sandbox_new_message(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                           const cJSON *from);

/* Remembers a request and its answer (status 0 = none came); long texts are cut, and files are only counted. */
void sandbox_log(struct sandbox *sandbox, const char *method, const struct params *params,
                 const cJSON *unknown, int status, const char *response);

/* The same for a response that is known to be JSON. */
void sandbox_log_json(struct sandbox *sandbox, const char *method, const struct params *params,
                      const cJSON *unknown, int status, const char *response);

/* The same for an answer that was ordered as a fault, and is marked as such. */
void sandbox_log_fault(struct sandbox *sandbox, const char *method, const struct params *params,
                       const cJSON *unknown, const struct fault *fault);

/* Waits the fault's delay and sends its answer. false when it was only a delay, and the call goes
 * on. */
AISHA_ASYNC bool sandbox_fail(struct sandbox *sandbox, struct http_exchange *exchange,
                              const struct fault *fault);

/* Answers, as slowly and in as far as the fault says; it may be NULL. */
AISHA_ASYNC void sandbox_respond(struct sandbox *sandbox, struct http_exchange *exchange,
                                 const struct fault *fault, int status, const char *content_type,
                                 const void *body, size_t size);

void respond_json(struct http_exchange *exchange, int status, const cJSON *body);

/* Runs a method as if the bot had called it; params is owned by the arena. */
AISHA_ASYNC void botapi_execute(struct sandbox *sandbox, struct arena *arena, const char *method,
                                const struct params *params);

/* --- the parts' handlers; rest is the path after the prefix --- */
AISHA_ASYNC void botapi_handle(struct sandbox *sandbox, struct http_exchange *exchange,
                               const char *rest);
AISHA_ASYNC void botapi_download(struct sandbox *sandbox, struct http_exchange *exchange,
                                 const char *rest);
AISHA_ASYNC void openai_handle(struct sandbox *sandbox, struct http_exchange *exchange,
                               const char *rest);
AISHA_ASYNC void fal_handle(struct sandbox *sandbox, struct http_exchange *exchange,
                            const char *rest);
AISHA_ASYNC void control_handle(struct sandbox *sandbox, struct http_exchange *exchange,
                                const char *rest);
void page_handle(struct http_exchange *exchange);
