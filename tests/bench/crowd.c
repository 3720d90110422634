/*
 * crowd --port N --pid N [OPTIONS]: the sandbox's load. People, each with a connection and a chat of
 * their own, take turns with their bot; what that cost the sandbox (the process of that id) is
 * printed as one line of JSON. A wrong answer, or an update that does not come, ends the program with
 * status 1.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "wire.h"

enum { REQUEST_BYTES = 2048, PATIENCE_S = 30, LONGEST_ID = 64 };

static const int64_t FIRST_PERSON = 5000000000;

struct person {
    struct crowd *crowd;
    struct conn *conn;
    int64_t id;
    size_t step;
    uint64_t round;
    int64_t message_id; /* the bot's last message */
    char query_id[LONGEST_ID];
};

/* One request of a work; the first ones of a work prepare it, the others go round. */
struct step {
    const char *path;
    /* Writes the body. */
    int (*write)(const struct person *person, char *out, size_t size);
    bool makes_update;
};

struct work {
    const char *name;
    size_t preparing;
    struct step steps[8]; /* up to one without a path */
};

struct crowd {
    struct wire wire;
    int port;
    const struct work *work;
    struct person *people;
    size_t people_count;
    uint64_t answers; /* to whatever was asked */
    uint64_t updates_made, updates_come;
    bool is_ending;
    int64_t next_offset;
};

/* ---- what is said ---- */

static int write_user(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"id\":%lld,\"first_name\":\"Person\",\"language_code\":\"en\"}",
                    (long long)person->id);
}

static int write_start(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"user_id\":%lld,\"text\":\"/start\"}", (long long)person->id);
}

static int write_plain(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"chat_id\":%lld,\"text\":\"Hello, how are you today?\"}",
                    (long long)person->id);
}

static int write_html(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size,
                    "{\"chat_id\":%lld,\"text\":\"<b>Hello</b>, this is <i>a message</i> with a "
                    "<a href=\\\"https://example.org/\\\">link</a>\",\"parse_mode\":\"HTML\","
                    "\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"One\","
                    "\"callback_data\":\"1\"},{\"text\":\"Two\",\"callback_data\":\"2\"}]]}}",
                    (long long)person->id);
}

static int write_nothing(const struct person *person, char *out, size_t size)
{
    (void)person;
    (void)size;
    *out = '\0';
    return 0;
}

static int write_question(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"user_id\":%lld,\"text\":\"What is the number %llu?\"}",
                    (long long)person->id, (unsigned long long)person->round);
}

static int write_press(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"user_id\":%lld,\"message_id\":%lld,\"row\":0,\"column\":1}",
                    (long long)person->id, (long long)person->message_id);
}

static int write_answer(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size, "{\"callback_query_id\":\"%s\",\"text\":\"Done\"}",
                    person->query_id);
}

static int write_edit(const struct person *person, char *out, size_t size)
{
    return snprintf(out, size,
                    "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"<b>Two</b> it is, %llu\","
                    "\"parse_mode\":\"HTML\"}",
                    (long long)person->id, (long long)person->message_id,
                    (unsigned long long)person->round);
}

#define PREPARE                                                                                    \
    {"/sandbox/users", write_user, false},                                                         \
    {                                                                                              \
        "/sandbox/send", write_start, true                                                         \
    }

static const struct work works[] = {
    {"plain", 2, {PREPARE, {"/bot1:bench/sendMessage", write_plain, false}}},
    {"html", 2, {PREPARE, {"/bot1:bench/sendMessage", write_html, false}}},
    {"me", 2, {PREPARE, {"/bot1:bench/getMe", write_nothing, false}}},
    {"mix",
     2,
     {PREPARE,
      {"/sandbox/send", write_question, true},
      {"/bot1:bench/sendMessage", write_html, false},
      {"/sandbox/press", write_press, true},
      {"/bot1:bench/answerCallbackQuery", write_answer, false},
      {"/bot1:bench/editMessageText", write_edit, false}}},
};

/* ---- asking ---- */

static void post(struct conn *conn, const char *path, const char *body, size_t size)
{
    char request[REQUEST_BYTES];

    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
                          path, size, body);
    if (length < 0 || length >= (int)sizeof request)
        die("a request is too long");
    conn_send(conn, request, (size_t)length);
}

static void ask(struct person *person)
{
    const struct step *step = &person->crowd->work->steps[person->step];
    char body[REQUEST_BYTES / 2];

    int size = step->write(person, body, sizeof body);
    if (size < 0 || size >= (int)sizeof body)
        die("a body is too long");
    post(person->conn, step->path, body, (size_t)size);
}

static void remember(struct person *person, const struct message *message)
{
    int64_t message_id = find_number(message->body, message->body_size, "\"message_id\":");
    size_t size;
    const char *query_id =
        find_text(message->body, message->body_size, "\"callback_query_id\":\"", &size);

    if (message_id)
        person->message_id = message_id;
    if (query_id && size < sizeof person->query_id) {
        memcpy(person->query_id, query_id, size);
        person->query_id[size] = '\0';
    }
}

static void on_answer(struct conn *conn, const struct message *message, void *user)
{
    struct person *person = user;
    struct crowd *crowd = person->crowd;
    const struct step *steps = crowd->work->steps;

    (void)conn;
    if (!message)
        die("the sandbox has closed a connection");
    if (!memmem(message->head, message->head_size, " 200 ", 5))
        die("%s: %.*s", steps[person->step].path, (int)message->body_size, message->body);
    crowd->answers++;
    crowd->updates_made += steps[person->step].makes_update;
    remember(person, message);
    if (!steps[++person->step].path) {
        person->step = crowd->work->preparing;
        person->round++;
    }
    if (!crowd->is_ending)
        ask(person);
}

/* ---- updates ---- */

static void poll_updates(struct crowd *crowd, struct conn *conn)
{
    char body[128];

    int size = snprintf(body, sizeof body, "{\"offset\":%lld,\"limit\":100,\"timeout\":20}",
                        (long long)crowd->next_offset);
    post(conn, "/bot1:bench/getUpdates", body, (size_t)size);
}

static void on_updates(struct conn *conn, const struct message *message, void *user)
{
    static const char name[] = "{\"update_id\":";
    struct crowd *crowd = user;

    if (!message)
        die("the sandbox has closed the poll");
    crowd->answers++;
    const char *at = message->body, *end = at + message->body_size;
    while ((at = memmem(at, (size_t)(end - at), name, strlen(name)))) {
        crowd->next_offset = find_number(at, (size_t)(end - at), name) + 1;
        crowd->updates_come++;
        at += strlen(name);
    }
    poll_updates(crowd, conn);
}

static void on_hook(struct conn *conn, const struct message *message, void *user)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct crowd *crowd = user;

    if (!message)
        return;
    crowd->answers++;
    crowd->updates_come++;
    conn_send(conn, answer, strlen(answer));
}

static void on_hook_set(struct conn *conn, const struct message *message, void *user)
{
    struct crowd *crowd = user;

    (void)conn;
    if (!message)
        return;
    if (!memmem(message->head, message->head_size, " 200 ", 5))
        die("setWebhook fails: %.*s", (int)message->body_size, message->body);
    crowd->answers++;
}

static void set_hook(struct crowd *crowd)
{
    int port = wire_listen(&crowd->wire, on_hook, crowd);
    struct conn *conn = wire_connect(&crowd->wire, crowd->port, on_hook_set, crowd);
    char body[128];

    int size = snprintf(body, sizeof body,
                        "{\"url\":\"http://127.0.0.1:%d/\",\"max_connections\":100}", port);
    post(conn, "/bot1:bench/setWebhook", body, (size_t)size);
    while (!crowd->answers)
        wire_wait(&crowd->wire, 1000000000);
}

/* ---- measuring ---- */

struct mark {
    uint64_t at_ns, cpu_ns, answers, updates;
};

static struct mark mark_now(const struct crowd *crowd, clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) < 0)
        die("the sandbox is gone");
    return (struct mark){.at_ns = now_ns(),
                         .cpu_ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec,
                         .answers = crowd->answers,
                         .updates = crowd->updates_come};
}

static void run_until(struct crowd *crowd, const uint64_t *counter, uint64_t number)
{
    uint64_t before = *counter, deadline_ns = now_ns() + PATIENCE_S * 1000000000ULL;

    while (*counter < number) {
        wire_wait(&crowd->wire, 100000000);
        if (*counter != before) {
            before = *counter;
            deadline_ns = now_ns() + PATIENCE_S * 1000000000ULL;
        } else if (now_ns() > deadline_ns) {
            die("%llu of %llu, and nothing more", (unsigned long long)*counter,
                (unsigned long long)number);
        }
    }
}

static void print_result(const struct mark *from, const struct mark *to)
{
    double count = (double)(to->answers - from->answers);

    printf("{\"requests\":%.0f,\"updates\":%llu,\"per_second\":%.0f,\"cpu_us\":%.2f}\n", count,
           (unsigned long long)(to->updates - from->updates),
           count / ((double)(to->at_ns - from->at_ns) / 1e9),
           (double)(to->cpu_ns - from->cpu_ns) / 1e3 / count);
}

/* ---- the program ---- */

struct options {
    int port;
    pid_t pid;
    const struct work *work;
    const char *updates;
    size_t people;
    uint64_t first, warm, count;
};

static const struct work *find_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (strcmp(works[i].name, name) == 0)
            return &works[i];
    die("there is no work %s", name);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"pid", required_argument, NULL, 'i'},
        {"work", required_argument, NULL, 'w'},
        {"updates", required_argument, NULL, 'u'},
        {"people", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"warm", required_argument, NULL, 'a'},
        {"count", required_argument, NULL, 'c'},
        {0},
    };
    struct options options = {.work = &works[0], .people = 32, .warm = 2000, .count = 20000};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        switch (option) {
        case 'w':
            options.work = find_work(optarg);
            break;
        case 'u':
            options.updates = optarg;
            break;
        case 'p':
            options.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'i':
            options.pid = (pid_t)strtol(optarg, NULL, 10);
            break;
        case 'n':
            options.people = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            options.first = strtoull(optarg, NULL, 10);
            break;
        case 'a':
            options.warm = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            options.count = strtoull(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    return options;
}

/* first: the number of the first of them, as nobody can come twice. */
static void gather(struct crowd *crowd, uint64_t first)
{
    crowd->people = calloc(crowd->people_count, sizeof *crowd->people);
    if (!crowd->people)
        die("no memory");
    for (size_t i = 0; i < crowd->people_count; i++) {
        struct person *person = &crowd->people[i];
        *person = (struct person){.crowd = crowd, .id = FIRST_PERSON + (int64_t)(first + i)};
        person->conn = wire_connect(&crowd->wire, crowd->port, on_answer, person);
        ask(person);
    }
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct crowd crowd = {
        .port = options.port, .work = options.work, .people_count = options.people};
    struct rlimit files;
    clockid_t clock;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (clock_getcpuclockid(options.pid, &clock) != 0)
        die("no clock of process %d", (int)options.pid);
    wire_init(&crowd.wire);
    if (options.updates && strcmp(options.updates, "hook") == 0)
        set_hook(&crowd);
    else if (options.updates)
        poll_updates(&crowd, wire_connect(&crowd.wire, crowd.port, on_updates, &crowd));
    gather(&crowd, options.first);
    uint64_t prepared = options.people * options.work->preparing + options.warm;
    run_until(&crowd, &crowd.answers, prepared);
    struct mark from = mark_now(&crowd, clock);
    run_until(&crowd, &crowd.answers, crowd.answers + options.count);
    struct mark to = mark_now(&crowd, clock);
    crowd.is_ending = true;
    if (options.updates)
        run_until(&crowd, &crowd.updates_come, crowd.updates_made);
    print_result(&from, &to);
    wire_done(&crowd.wire);
    free(crowd.people);
    return 0;
}
