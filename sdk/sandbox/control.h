/*
 * Between the files of the control API.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct http_exchange;
struct sandbox;

struct control {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct arena *arena;
    const char *rest; /* of the path, where the route ends with "/" */
    cJSON *body;      /* of a POST with JSON: an object */
};

/* Answers {"error": …}. */
void control_fail(struct control *control, int status, const char *format, ...) AISHA_PRINTF(3, 4);

/* The user of that id, or NULL after having answered. */
cJSON *control_user(struct control *control, int64_t id);

/* Makes message the reply to that one of its chat; 0 = to none. false after having answered. */
bool control_reply_to(struct control *control, cJSON *message, int64_t message_id);

/* A message from that user: saves it, tells the bot, and answers {"message": …}. */
void control_post(struct control *control, cJSON *message);

/* Query parameter as a whole number; missing when absent; false after having answered. */
bool control_number(struct control *control, const char *name, int64_t missing,
                    int64_t *ret_number);

/* What the pressed button of message says, or NULL after having answered. */
const char *control_pressed_data(struct control *control, const cJSON *message);

/* The user blocks the bot, or no longer; the bot is told. */
void control_set_blocked(struct control *control, int64_t user_id, bool is_blocked);

/* A new object in the arena. */
cJSON *control_object(struct control *control);

/* --- control_inspect.c --- */
void control_get_state(struct control *control);
void control_inspect(struct control *control);

/* --- control_watch.c --- */
void control_get_messages(struct control *control);
AISHA_ASYNC void control_get_events(struct control *control);
void control_get_requests(struct control *control);

/* --- control_world.c --- */
cJSON *control_describe_clock(struct control *control);
void control_get_clock(struct control *control);
void control_set_clock(struct control *control);
void control_script_transcription(struct control *control);
void control_reset(struct control *control);

/* --- control_record.c --- */
void control_push_update(struct control *control);
void control_list_updates(struct control *control);
AISHA_ASYNC void control_replay(struct control *control);

/* --- control_providers.c --- */
void control_get_fal(struct control *control);
void control_set_fal(struct control *control);
void control_rotate_fal_key(struct control *control);
void control_get_openai(struct control *control);
void control_set_openai(struct control *control);

/* --- control_wait.c --- */
AISHA_ASYNC void control_wait(struct control *control);

/* --- control_faults.c --- */
void control_list_faults(struct control *control);
void control_order_fault(struct control *control);
void control_remove_faults(struct control *control);
cJSON *control_describe_limits(struct control *control);
void control_get_limits(struct control *control);
void control_set_limits(struct control *control);

/* --- control_chats.c, control_upload.c --- */
/* Whether the author of message may send it to its chat. false after having answered. */
bool control_may_send(struct control *control, const cJSON *message);

void control_add_chat(struct control *control);
void control_delete_chat(struct control *control);
void control_list_chats(struct control *control);
void control_list_members(struct control *control);
void control_change_member(struct control *control);
void control_migrate(struct control *control);
void control_list_topics(struct control *control);
void control_add_topic(struct control *control);
void control_set_bot(struct control *control);
void control_connect_business(struct control *control);
void control_send_album(struct control *control);
void control_edit(struct control *control);
void control_checkout(struct control *control);
AISHA_ASYNC void control_pay(struct control *control);
void control_change_subscription(struct control *control);
void control_show_invoice(struct control *control);
void control_show_stars(struct control *control);
void control_set_stars(struct control *control);
void control_share(struct control *control);
void control_delete(struct control *control);
void control_stop_draft(struct control *control);
AISHA_ASYNC void control_upload(struct control *control);
void control_file(struct control *control);
