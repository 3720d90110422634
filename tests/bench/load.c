/*
 * load [OPTIONS] -- COMMAND…: starts the bot, has it answer updates, and prints what that took as one
 * line of JSON. A wrong, missing or doubled answer ends the program with status 1.
 *
 * BOT_MODE says how the bot is reached: polling (the default) or webhook. The bot finds Telegram at
 * TELEGRAM_API_URL, and the server that does not answer at SLOW_URL.
 */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

/* Ids of ten digits and over 32 bits, as new accounts have. */
static const int64_t FIRST_CHAT = 7000000000, FIRST_WAITING_CHAT = 6000000000;

struct options {
    enum work work;
    size_t chats, warm, count, waiting;
    unsigned depth;
    double rate;
    bool is_idle; /* only started and left alone */
    char **command;
};

struct bot {
    pid_t pid;
    clockid_t clock; /* of the CPU time of all its threads */
    uint64_t started_ns;
};

/* A moment of the measurement. */
struct mark {
    uint64_t at_ns, bot_cpu_ns, own_cpu_ns, answered;
};

/* ---- the bot's process ---- */

static void put_address(const char *name, int port)
{
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    setenv(name, url, 1);
}

static struct bot bot_start(char **command)
{
    struct bot bot = {.started_ns = now_ns(), .pid = fork()};

    if (bot.pid < 0)
        die("fork: %s", strerror(errno));
    if (bot.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(command[0], command);
        die("%s: %s", command[0], strerror(errno));
    }
    if (clock_getcpuclockid(bot.pid, &bot.clock) != 0)
        die("no clock of process %d", (int)bot.pid);
    return bot;
}

static void bot_stop(const struct bot *bot)
{
    int status = 0;

    kill(bot->pid, SIGTERM);
    alarm(PATIENCE_S); /* ends us, and us the bot */
    bool is_fine = waitpid(bot->pid, &status, 0) >= 0 &&
                   (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
    if (!is_fine)
        die("the bot ends with status %#x", (unsigned)status);
    alarm(0);
}

static uint64_t cpu_ns(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) < 0)
        die("the bot is gone");
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* What the process alone has in memory, in KiB. */
static uint64_t rss_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

/* The parent of a process; 0 when it has ended. */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[512];
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent;
}

/* The bot's own processes, all that have it for their parent. */
static void print_helpers(const struct bot *bot)
{
    unsigned count = 0;
    uint64_t kib = 0;
    DIR *processes = opendir("/proc");

    if (!processes)
        die("/proc: %s", strerror(errno));
    for (const struct dirent *entry; (entry = readdir(processes));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && parent_of(pid) == bot->pid) {
            count++;
            kib += rss_kib(pid);
        }
    }
    closedir(processes);
    printf(",\"helpers\":%u,\"helpers_rss_kib\":%llu", count, (unsigned long long)kib);
}

/* ---- having it work ---- */

static void feed(struct load *load, struct chats *chats, double rate)
{
    load->chats = chats;
    load->rate = rate;
    load->since_ns = now_ns();
    load->fed = 0;
    load->is_paused = false;
}

/* Goes on until the counter has reached the number. */
static void run_until(struct load *load, const struct bot *bot, const uint64_t *counter,
                      uint64_t number)
{
    uint64_t before = *counter, deadline_ns = now_ns() + PATIENCE_S * 1000000000ULL;

    while (*counter < number) {
        wire_wait(&load->wire, telegram_deliver(load));
        uint64_t now = now_ns();
        if (*counter != before) {
            before = *counter;
            deadline_ns = now + PATIENCE_S * 1000000000ULL;
        } else if (now > deadline_ns) {
            die("%llu of %llu, and nothing more", (unsigned long long)*counter,
                (unsigned long long)number);
        } else if (waitpid(bot->pid, NULL, WNOHANG) != 0) {
            die("the bot has ended");
        }
    }
}

static void rest(struct load *load, unsigned ms)
{
    uint64_t end_ns = now_ns() + ms * 1000000ULL;

    while (now_ns() < end_ns)
        wire_wait(&load->wire, end_ns - now_ns());
}

static struct mark mark_now(const struct load *load, const struct bot *bot)
{
    return (struct mark){.at_ns = now_ns(),
                         .bot_cpu_ns = cpu_ns(bot->clock),
                         .own_cpu_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID),
                         .answered = load->answered};
}

/* ---- results ---- */

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static void print_times(struct load *load)
{
    const double shares[] = {0.5, 0.9, 0.99, 0.999};
    const char *const names[] = {"p50_us", "p90_us", "p99_us", "p999_us"};

    qsort(load->took_us, load->took_count, sizeof *load->took_us, compare);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        printf(",\"%s\":%u", names[i],
               load->took_us[(size_t)(shares[i] * (double)(load->took_count - 1))]);
}

static void print_rates(const struct mark *from, const struct mark *to)
{
    double count = (double)(to->answered - from->answered);
    double seconds = (double)(to->at_ns - from->at_ns) / 1e9;

    printf(",\"updates\":%.0f,\"per_second\":%.0f,\"cpu_us\":%.2f,\"generator_cpu_us\":%.2f", count,
           count / seconds, (double)(to->bot_cpu_ns - from->bot_cpu_ns) / 1e3 / count,
           (double)(to->own_cpu_ns - from->own_cpu_ns) / 1e3 / count);
}

/* ---- parts of a run ---- */

/* Has handlers wait, as many as there are chats, and says what memory each of them took. */
static void make_wait(struct load *load, const struct bot *bot, size_t count)
{
    uint64_t before_kib = rss_kib(bot->pid);

    load->waiting = chats_new(WORK_WAIT, FIRST_WAITING_CHAT, count, 1);
    feed(load, load->waiting, 0);
    run_until(load, bot, &load->slow_count, count);
    rest(load, 500);
    printf(",\"open_requests\":%llu,\"kib_per_waiting\":%.1f", (unsigned long long)load->slow_count,
           (double)(rss_kib(bot->pid) - before_kib) / (double)count);
}

static void measure(struct load *load, const struct bot *bot, const struct options *options)
{
    struct chats *chats = chats_new(options->work, FIRST_CHAT, options->chats, options->depth);

    feed(load, chats, 0); /* everybody becomes known, memory grows to what is needed */
    run_until(load, bot, &load->answered, options->warm);
    uint64_t sent = load->fed;
    load->is_paused = true;
    run_until(load, bot, &load->answered, sent);
    if (options->waiting)
        make_wait(load, bot, options->waiting);
    load->took_us = calloc(options->count, sizeof *load->took_us);
    load->took_capacity = options->count;
    feed(load, chats, options->rate);
    run_until(load, bot, &load->answered, sent + options->count / 10); /* up to speed again */
    load->took_count = 0;
    struct mark from = mark_now(load, bot);
    run_until(load, bot, &load->answered, from.answered + options->count);
    struct mark to = mark_now(load, bot);
    if (options->waiting)
        printf(",\"open_requests_at_the_end\":%llu", (unsigned long long)load->slow_count);
    print_rates(&from, &to);
    print_times(load);
    sent += load->fed;
    load->is_paused = true;
    run_until(load, bot, &load->answered, sent); /* nothing is missing */
    slow_release(load);
    run_until(load, bot, &load->waiting_answered, options->waiting);
    free(load->took_us);
    chats_free(chats);
    if (load->waiting)
        chats_free(load->waiting);
}

static void take_all_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void run(struct load *load, const struct options *options)
{
    wire_init(&load->wire);
    put_address("TELEGRAM_API_URL", telegram_listen(load));
    put_address("SLOW_URL", slow_listen(load));
    struct bot bot = bot_start(options->command);
    take_all_descriptors(); /* the bot has to see to that itself */
    run_until(load, &bot, &load->started, 1);
    printf("{\"ready_ms\":%.1f", (double)(now_ns() - bot.started_ns) / 1e6);
    if (options->is_idle) {
        rest(load, 2000);
        printf(",\"rss_kib\":%llu", (unsigned long long)rss_kib(bot.pid));
        print_helpers(&bot);
    } else {
        measure(load, &bot, options);
    }
    printf("}\n");
    bot_stop(&bot);
    wire_done(&load->wire);
    free(load->slow);
    free(load->batch);
}

/* ---- options ---- */

static void usage(void)
{
    die("usage: load [--work echo|dialogue] [--chats N] [--depth N] [--warm N] [--count N]\n"
        "            [--rate N] [--waiting N] [--idle] -- COMMAND…");
}

static enum work work_of(const char *name)
{
    if (strcmp(name, "echo") != 0 && strcmp(name, "dialogue") != 0)
        usage();
    return strcmp(name, "echo") == 0 ? WORK_ECHO : WORK_DIALOGUE;
}

static struct options parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"work", required_argument, NULL, 'w'},
        {"chats", required_argument, NULL, 'c'},
        {"depth", required_argument, NULL, 'd'},
        {"warm", required_argument, NULL, 'm'},
        {"count", required_argument, NULL, 'n'},
        {"rate", required_argument, NULL, 'r'},
        {"waiting", required_argument, NULL, 'a'},
        {"idle", no_argument, NULL, 'i'},
        {0},
    };
    struct options options = {.chats = 500, .depth = 1, .warm = 2000, .count = 20000};
    int name;

    while ((name = getopt_long(argc, argv, "+", names, NULL)) != -1) {
        size_t number = optarg ? strtoul(optarg, NULL, 10) : 0;
        switch (name) {
        case 'w':
            options.work = work_of(optarg);
            break;
        case 'c':
            options.chats = number;
            break;
        case 'd':
            options.depth = (unsigned)number;
            break;
        case 'm':
            options.warm = number;
            break;
        case 'n':
            options.count = number;
            break;
        case 'r':
            options.rate = (double)number;
            break;
        case 'a':
            options.waiting = number;
            break;
        case 'i':
            options.is_idle = true;
            break;
        default:
            usage();
        }
    }
    options.command = argv + optind;
    if (!*options.command || options.chats * options.depth < LOAD_BATCH || !options.count)
        usage();
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct load load = {0};

    run(&load, &options);
    return EXIT_SUCCESS;
}
