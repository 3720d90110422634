/*
 * Updates are made from templates in which only numbers of a fixed width are replaced, so that one
 * costs a copy of its bytes.
 */
#include "chats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire.h"

enum { MAX_STEPS = 3, MAX_MARKS = 4, TEXT_BYTES = 512 };

/* Stand for numbers of ten digits. */
#define UPDATE_ID "UUUUUUUUUU"
#define CHAT_ID "CCCCCCCCCC"
#define MESSAGE_ID "MMMMMMMMMM"
#define TURN "TTTTTTTTTT" /* counts a chat's questions, or its dialogues */

enum mark { MARK_UPDATE, MARK_CHAT, MARK_MESSAGE, MARK_TURN, MARKS };

static const char *const mark_names[MARKS] = {UPDATE_ID, CHAT_ID, MESSAGE_ID, TURN};

struct template
{
    char bytes[UPDATE_BYTES];
    size_t size;
    size_t places[MARKS][MAX_MARKS], counts[MARKS];
};

/* Of each kind of work, step by step, as JSON: what is typed, what is answered. */
static const struct {
    unsigned step_count;

    struct {
        const char *text, *answer, *entities;
    } steps[MAX_STEPS];
} works[] = {
    [WORK_ECHO] = {1,
                   {{"message " TURN " of " CHAT_ID ": \\\"what\\\" <people> & bots ask, и ещё раз",
                     "message " TURN " of " CHAT_ID ": \\\"what\\\" <people> & bots ask, и ещё раз",
                     ""}}},
    [WORK_DIALOGUE] = {3,
                       {{"/order", "What is your name?",
                         ",\"entities\":[{\"offset\":0,\"length\":6,\"type\":\"bot_command\"}]"},
                        {"Ann " TURN, "How many shall it be, Ann " TURN "?", ""},
                        {"3", "3 for Ann " TURN ", thank you!", ""}}},
    [WORK_WAIT] = {1,
                   {{"/wait", "It has come.",
                     ",\"entities\":[{\"offset\":0,\"length\":5,\"type\":\"bot_command\"}]"}}},
};

struct chat {
    uint64_t sent, answered;
    uint64_t since_ns[CHATS_MAX_DEPTH]; /* of those on the way */
};

struct chats {
    int64_t first_id;
    size_t count;
    unsigned depth, step_count;
    struct template updates[MAX_STEPS], answers[MAX_STEPS];
    struct chat *chats;
    uint32_t *ready; /* a ring of chats, each as often as it may write */
    size_t ready_first, ready_count;
};

static void template_init(struct template *t, const char *bytes)
{
    *t = (struct template){.size = strlen(bytes)};
    if (t->size >= sizeof t->bytes)
        die("a template is too long");
    memcpy(t->bytes, bytes, t->size);
    for (size_t mark = 0; mark < MARKS; mark++)
        for (char *at = t->bytes; (at = strstr(at, mark_names[mark])); at++)
            t->places[mark][t->counts[mark]++] = (size_t)(at - t->bytes);
}

static void fill(const struct template *t, char *bytes, enum mark mark, uint64_t number)
{
    for (size_t i = 0; i < t->counts[mark]; i++)
        put_digits(bytes + t->places[mark][i], number, 10);
}

static void step_init(struct chats *chats, enum work work, unsigned step)
{
    char update[UPDATE_BYTES];

    snprintf(
        update, sizeof update,
        "{\"update_id\":" UPDATE_ID ",\"message\":{\"message_id\":" MESSAGE_ID ","
        "\"from\":{\"id\":" CHAT_ID ",\"is_bot\":false,\"first_name\":\"Ann\",\"last_name\":"
        "\"Smith\",\"username\":\"ann_smith\",\"language_code\":\"en\"},\"chat\":{\"id\":" CHAT_ID
        ",\"first_name\":\"Ann\",\"last_name\":\"Smith\",\"username\":\"ann_smith\",\"type\":"
        "\"private\"},\"date\":%lld,\"text\":\"%s\"%s}}",
        (long long)time(NULL), works[work].steps[step].text, works[work].steps[step].entities);
    template_init(&chats->updates[step], update);
    template_init(&chats->answers[step], works[work].steps[step].answer);
}

struct chats *chats_new(enum work work, int64_t first_id, size_t count, unsigned depth)
{
    struct chats *chats = calloc(1, sizeof *chats);

    if (!chats || depth > CHATS_MAX_DEPTH)
        die("no memory");
    *chats = (struct chats){.first_id = first_id,
                            .count = count,
                            .depth = depth,
                            .step_count = works[work].step_count,
                            .chats = calloc(count, sizeof *chats->chats),
                            .ready = calloc(count * depth, sizeof *chats->ready)};
    if (!chats->chats || !chats->ready)
        die("no memory");
    for (unsigned step = 0; step < chats->step_count; step++)
        step_init(chats, work, step);
    for (size_t i = 0; i < count * depth; i++)
        chats->ready[chats->ready_count++] = (uint32_t)(i / depth);
    return chats;
}

void chats_free(struct chats *chats)
{
    free(chats->chats);
    free(chats->ready);
    free(chats);
}

size_t chats_ready(const struct chats *chats)
{
    return chats->ready_count;
}

size_t chats_write_update(struct chats *chats, int64_t update_id, uint64_t since_ns,
                          char update[UPDATE_BYTES])
{
    size_t i = chats->ready[chats->ready_first];
    struct chat *chat = &chats->chats[i];
    const struct template *t = &chats->updates[chat->sent % chats->step_count];

    chats->ready_first = (chats->ready_first + 1) % (chats->count * chats->depth);
    chats->ready_count--;
    memcpy(update, t->bytes, t->size);
    fill(t, update, MARK_UPDATE, (uint64_t)update_id);
    fill(t, update, MARK_CHAT, (uint64_t)chats->first_id + i);
    fill(t, update, MARK_MESSAGE, 1000000000 + chat->sent);
    fill(t, update, MARK_TURN, chat->sent / chats->step_count);
    chat->since_ns[chat->sent++ % CHATS_MAX_DEPTH] = since_ns;
    return t->size;
}

bool chats_has(const struct chats *chats, int64_t chat_id)
{
    return chat_id >= chats->first_id && chat_id < chats->first_id + (int64_t)chats->count;
}

uint64_t chats_take_answer(struct chats *chats, int64_t chat_id, const char *text, size_t size)
{
    struct chat *chat = &chats->chats[chat_id - chats->first_id];
    const struct template *t = &chats->answers[chat->answered % chats->step_count];
    char due[UPDATE_BYTES];

    memcpy(due, t->bytes, t->size);
    fill(t, due, MARK_CHAT, (uint64_t)chat_id);
    fill(t, due, MARK_TURN, chat->answered / chats->step_count);
    if (chat->answered == chat->sent)
        die("chat %lld has nothing to be answered, and gets: %.*s", (long long)chat_id, (int)size,
            text);
    if (size != t->size || memcmp(text, due, size) != 0)
        die("chat %lld gets: %.*s\nand not: %.*s", (long long)chat_id, (int)size, text,
            (int)t->size, due);
    uint64_t took_ns = now_ns() - chat->since_ns[chat->answered++ % CHATS_MAX_DEPTH];
    size_t last = (chats->ready_first + chats->ready_count++) % (chats->count * chats->depth);
    chats->ready[last] = (uint32_t)(chat_id - chats->first_id);
    return took_ns;
}
