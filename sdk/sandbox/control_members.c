/*
 * Control calls about groups: making them, who is in them, what they become.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/invites.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TITLE = 128, LONGEST_USERNAME = 32 };

/* The group of that id, or NULL after having answered. */
static const cJSON *find_group(struct control *control, int64_t chat_id)
{
    const cJSON *chat =
        chat_id < 0 ? world_chat(control->sandbox->world, control->arena, chat_id) : NULL;

    if (!chat)
        control_fail(control, 400, "chat_id: there is no such group");
    return chat;
}

/* A chat's id in the query; 0 after having answered. */
static int64_t group_of_query(struct control *control)
{
    const char *text = http_exchange_param(control->exchange, "chat_id");
    int64_t chat_id = text ? strtoll(text, NULL, 10) : 0;

    return find_group(control, chat_id) ? chat_id : 0;
}

/* ---- new groups ---- */

static bool is_username(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(text);

    return length >= 4 && length <= LONGEST_USERNAME && strspn(text, letters) == length;
}

static cJSON *read_group(struct control *control)
{
    const char *type = json_get_text(control->body, "type");
    const char *title = json_get_text(control->body, "title");
    const char *username = json_get_text(control->body, "username");
    cJSON *chat = control_object(control);
    bool is_group = type && strcmp(type, "group") == 0;

    if (!is_group && (!type || strcmp(type, "supergroup") != 0)) {
        control_fail(control, 400, "type must be group or supergroup");
        return NULL;
    }
    if (!title || !*title || utf8_length(title) > LONGEST_TITLE) {
        control_fail(control, 400, "title must be a text of 1 to 128 characters");
        return NULL;
    }
    if (username && (is_group || !is_username(username) ||
                     chats_of_username(control->sandbox->world, control->arena, username))) {
        control_fail(control, 400,
                     "username must be free and have 4 to 32 letters, digits and _; "
                     "it is for supergroups");
        return NULL;
    }
    json_set_text(chat, "type", type);
    json_set_text(chat, "title", title);
    if (username)
        json_set_text(chat, "username", username);
    if (json_get_bool(control->body, "is_forum"))
        json_set_bool(chat, "is_forum", true);
    return chat;
}

/* A group is made with the bot in it; to a supergroup it is added. */
static void add_bot(struct control *control, const cJSON *chat, const cJSON *user)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t chat_id = json_get_int(chat, "id", 0);

    members_change(sandbox, control->arena,
                   &(struct member_change){.chat_id = chat_id,
                                           .actor = user,
                                           .member = members_new(sandbox->world, control->arena,
                                                                 chat_id, THE_BOT, "member"),
                                           .is_unannounced = !chat_is_supergroup(chat)});
    if (!chat_is_supergroup(chat))
        chats_announce(sandbox, control->arena,
                       &(struct announcement){.chat_id = chat_id,
                                              .from = user,
                                              .field = "group_chat_created",
                                              .content = cJSON_CreateTrue()});
}

void control_add_chat(struct control *control)
{
    struct world *world = control->sandbox->world;
    int64_t user_id = json_get_int(control->body, "user_id", 0);

    const cJSON *user = control_user(control, user_id);
    cJSON *chat = user ? read_group(control) : NULL;
    if (!chat)
        return;
    world_add_chat(world, control->arena, chat);
    int64_t chat_id = json_get_int(chat, "id", 0);
    members_change(control->sandbox, control->arena,
                   &(struct member_change){
                       .chat_id = chat_id,
                       .member = members_new(world, control->arena, chat_id, user_id, "creator"),
                       .is_silent = true});
    if (!cJSON_IsFalse(json_get(control->body, "bot")))
        add_bot(control, chat, user);
    respond_json(control->exchange, 200, chat);
}

void control_migrate(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t chat_id = json_get_int(control->body, "chat_id", 0);
    cJSON *answer = control_object(control);

    const cJSON *chat = find_group(control, chat_id);
    if (!chat)
        return;
    if (chat_is_supergroup(chat) ||
        json_get(chats_info(sandbox->world, control->arena, chat_id), "migrated_to")) {
        control_fail(control, 400, "chat_id: it is a supergroup already");
        return;
    }
    json_set_int(answer, "chat_id", chats_migrate(sandbox, control->arena, chat_id));
    respond_json(control->exchange, 200, answer);
}

/* The owner deletes the group: nobody is in it any more, nor is the bot told. */
void control_delete_chat(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t chat_id = group_of_query(control);
    const cJSON *member;

    if (!chat_id)
        return;
    cJSON *info = chats_info(sandbox->world, control->arena, chat_id);
    json_set_bool(info, "is_deleted", true);
    chats_set_info(sandbox->world, control->arena, chat_id, info);
    cJSON_ArrayForEach(member, members_list(sandbox->world, control->arena, chat_id)) {
        int64_t user_id = json_get_int(json_get(member, "user"), "id", 0);
        members_change(sandbox, control->arena,
                       &(struct member_change){.chat_id = chat_id,
                                               .member = members_new(sandbox->world, control->arena,
                                                                     chat_id, user_id, "kicked"),
                                               .is_silent = true});
    }
    respond_json(control->exchange, 200, control_object(control));
}

/* ---- lists ---- */

static int64_t date_of(const cJSON *entry)
{
    return json_get_int(json_get(entry, "last_message"), "message_id", 0);
}

/* Adds the entry before those with older news. */
static void insert(cJSON *list, cJSON *entry)
{
    const cJSON *other = list->child;
    int place = 0;

    for (; other && date_of(other) >= date_of(entry); other = other->next)
        place++;
    json_insert(list, place, entry);
}

static cJSON *describe(struct control *control, int64_t chat_id, const cJSON *member)
{
    struct world *world = control->sandbox->world;
    cJSON *entry = cJSON_CreateObject();

    json_set_copy(entry, "chat", world_chat(world, control->arena, chat_id));
    json_set_copy(entry, "last_message", world_last_message(world, control->arena, chat_id));
    json_set_copy(entry, "member", member);
    if (world_standing(world, chat_id) == CHAT_BLOCKED)
        json_set_bool(entry, "blocked", true);
    return entry;
}

/* The user's chats; without a user, all groups. */
void control_list_chats(struct control *control)
{
    struct world *world = control->sandbox->world;
    cJSON *answer = control_object(control), *chats = cJSON_AddArrayToObject(answer, "chats");
    const cJSON *group, *member = NULL;
    int64_t user_id;

    if (!control_number(control, "user_id", 0, &user_id) ||
        (user_id && !control_user(control, user_id)))
        return;
    if (user_id)
        insert(chats, describe(control, user_id,
                               members_new(world, control->arena, user_id, user_id, "member")));
    cJSON_ArrayForEach(group, world_groups(world, control->arena)) {
        int64_t chat_id = json_get_int(group, "id", 0);
        const cJSON *info = chats_info(world, control->arena, chat_id);
        if (json_get(info, "migrated_to") || json_get(info, "is_deleted"))
            continue;
        if (user_id)
            member = members_find(world, control->arena, chat_id, user_id);
        if (!user_id || member_is_there(member))
            insert(chats, describe(control, chat_id, member));
    }
    respond_json(control->exchange, 200, answer);
}

void control_list_members(struct control *control)
{
    cJSON *answer = control_object(control);
    int64_t chat_id = group_of_query(control);

    if (!chat_id)
        return;
    json_set_copy(answer, "members",
                  members_list(control->sandbox->world, control->arena, chat_id));
    respond_json(control->exchange, 200, answer);
}

/* ---- topics ---- */

/* The general one first. */
void control_list_topics(struct control *control)
{
    struct world *world = control->sandbox->world;
    cJSON *answer = control_object(control), *topics = cJSON_AddArrayToObject(answer, "topics");
    int64_t chat_id = group_of_query(control);
    const cJSON *topic;

    if (!chat_id)
        return;
    if (topics_are_in(world, control->arena, chat_id)) {
        const cJSON *kept = json_get(chats_info(world, control->arena, chat_id), "general");
        cJSON *general = kept ? cJSON_Duplicate(kept, true) : cJSON_CreateObject();
        if (!json_get(general, "name"))
            json_set_text(general, "name", "General");
        json_set_int(general, "message_thread_id", GENERAL_TOPIC);
        cJSON_AddItemToArray(topics, general);
    }
    cJSON_ArrayForEach(topic, topics_list(world, control->arena, chat_id))
        cJSON_AddItemToArray(topics, cJSON_Duplicate(topic, true));
    respond_json(control->exchange, 200, answer);
}

void control_add_topic(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *name = json_get_text(control->body, "name");
    int64_t chat_id = json_get_int(control->body, "chat_id", 0);

    const cJSON *user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!user)
        return;
    if (!topics_are_in(sandbox->world, control->arena, chat_id)) {
        control_fail(control, 400, "chat_id: there is no such forum");
        return;
    }
    if (!name || !*name || utf8_length(name) > LONGEST_TITLE) {
        control_fail(control, 400, "name must be a text of 1 to 128 characters");
        return;
    }
    cJSON *topic =
        topics_create(sandbox, control->arena, chat_id, user, name,
                      json_get_int(control->body, "icon_color", DEFAULT_TOPIC_COLOR), NULL);
    respond_json(control->exchange, 200, topic_object(control->arena, topic));
}

/* ---- changes ---- */

/* What the body says of rights, permissions and dates, into the new member. */
static void read_details(struct control *control, cJSON *member)
{
    const char *const *names = member_is(member, "administrator") ? member_rights
                               : member_is(member, "restricted")  ? member_permissions
                                                                  : NULL;
    const cJSON *given = json_get(control->body, "rights");
    const cJSON *until = json_get(control->body, "until_date");

    if (cJSON_IsObject(json_get(control->body, "permissions")))
        given = json_get(control->body, "permissions");
    for (size_t i = 0; names && names[i]; i++)
        if (cJSON_IsBool(json_get(given, names[i])))
            json_set_copy(member, names[i], json_get(given, names[i]));
    if (json_is_int(until) && json_get(member, "until_date"))
        json_set_copy(member, "until_date", until);
    if (json_get_text(control->body, "custom_title") && member_is_administrator(member))
        json_set_copy(member, "custom_title", json_get(control->body, "custom_title"));
}

static bool is_status(const char *status)
{
    static const char *const all[] = {"member", "left", "kicked", "administrator", "restricted"};

    for (size_t i = 0; status && i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i], status) == 0)
            return true;
    return false;
}

/* The user comes by a link of the group's. */
static void come_by_link(struct control *control, const cJSON *user, const char *address)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t chat_id = invites_chat_of(sandbox->world, control->arena, address);
    int64_t user_id = json_get_int(user, "id", 0);
    cJSON *answer = control_object(control);

    cJSON *link = chat_id ? invites_find(sandbox->world, control->arena, chat_id, address) : NULL;
    const char *refusal = link ? invites_refusal(sandbox->world, link) : "there is no such link";
    const cJSON *member = members_find(sandbox->world, control->arena, chat_id, user_id);
    if (!refusal && member_is(member, "kicked"))
        refusal = "this user is banned from this group";
    if (!refusal && member_is_there(member))
        refusal = "this user is a member already";
    if (refusal) {
        control_fail(control, 400, "invite_link: %s", refusal);
        return;
    }
    bool has_asked = invites_use(sandbox, control->arena, chat_id, user, link);
    json_set_int(answer, "chat_id", chat_id);
    json_set_bool(answer, "is_request", has_asked);
    respond_json(control->exchange, 200, answer);
}

/*
 * With "bot": true the acting person does it to the bot; otherwise the user does it himself, or "by"
 * does it to him.
 */
void control_change_member(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *status = json_get_text(control->body, "status");
    int64_t chat_id = json_get_int(control->body, "chat_id", 0);
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    bool is_bot = json_get_bool(control->body, "bot");

    const cJSON *user = control_user(control, user_id);
    const cJSON *actor = user;
    if (user && json_get_text(control->body, "invite_link")) {
        come_by_link(control, user, json_get_text(control->body, "invite_link"));
        return;
    }
    if (!user || !find_group(control, chat_id))
        return;
    if (json_get(control->body, "by"))
        actor = control_user(control, json_get_int(control->body, "by", 0));
    if (!actor)
        return;
    if (!is_status(status)) {
        control_fail(control, 400,
                     "status must be member, left, kicked, administrator or "
                     "restricted");
        return;
    }
    const cJSON *old =
        members_find(sandbox->world, control->arena, chat_id, is_bot ? THE_BOT : user_id);
    if (member_is(old, "creator")) {
        control_fail(control, 400, "user_id: this user owns the group");
        return;
    }
    if (actor == user && !is_bot && member_is(old, "kicked")) {
        control_fail(control, 400, "user_id: this user is banned from this group");
        return;
    }
    cJSON *member =
        members_new(sandbox->world, control->arena, chat_id, is_bot ? THE_BOT : user_id, status);
    read_details(control, member);
    members_change(sandbox, control->arena,
                   &(struct member_change){.chat_id = chat_id, .actor = actor, .member = member});
    respond_json(control->exchange, 200, control_object(control));
}

/* Properties of the bot that BotFather sets. */
void control_set_bot(struct control *control)
{
    const cJSON *hears_all = json_get(control->body, "can_read_all_group_messages");

    if (!cJSON_IsBool(hears_all)) {
        control_fail(control, 400, "can_read_all_group_messages must be true or false");
        return;
    }
    chats_set_bot_hears_all(control->sandbox->world, cJSON_IsTrue(hears_all));
    respond_json(control->exchange, 200, control_object(control));
}

/* ---- what a member may send ---- */

static const char *permission_for(const cJSON *message)
{
    static const char *const needed[][2] = {{"audio", "can_send_audios"},
                                            {"document", "can_send_documents"},
                                            {"photo", "can_send_photos"},
                                            {"video", "can_send_videos"},
                                            {"voice", "can_send_voice_notes"},
                                            {"video_note", "can_send_video_notes"},
                                            {"poll", "can_send_polls"},
                                            {"animation", "can_send_other_messages"},
                                            {"sticker", "can_send_other_messages"}};

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (json_get(message, needed[i][0]))
            return needed[i][1];
    return "can_send_messages";
}

/* To those who do not manage topics. */
static bool is_closed(struct control *control, const cJSON *message)
{
    struct world *world = control->sandbox->world;
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    int64_t thread_id = json_get_int(message, "message_thread_id", 0);
    const cJSON *member = members_find(world, control->arena, chat_id,
                                       json_get_int(json_get(message, "from"), "id", 0));

    if (member_is_administrator(member) || !topics_are_in(world, control->arena, chat_id))
        return false;
    if (!thread_id)
        return json_get_bool(json_get(chats_info(world, control->arena, chat_id), "general"),
                             "is_closed");
    return json_get_bool(topics_find(world, control->arena, chat_id, thread_id), "is_closed");
}

bool control_may_send(struct control *control, const cJSON *message)
{
    struct world *world = control->sandbox->world;
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    int64_t user_id = json_get_int(json_get(message, "from"), "id", 0);

    if (chat_id > 0)
        return true;
    if (is_closed(control, message)) {
        control_fail(control, 400, "message_thread_id: this topic is closed");
        return false;
    }
    if (members_may(world, control->arena, chat_id,
                    members_find(world, control->arena, chat_id, user_id), permission_for(message)))
        return true;
    control_fail(control, 400, "chat_id: this user may not send that to this group");
    return false;
}
