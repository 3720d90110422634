/*
 * argv → configuration → what was asked for → exit status.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <aisha/base.h>

#include "host/bot/bot.h"
#include "host/bot/check_command.h"
#include "host/bot/config.h"
#include "host/bot/dead_letters_command.h"
#include "host/bot/i18n.h"
#include "host/bot/ini.h"
#include "host/bot/migrate_command.h"
#include "host/bot/problem.h"
#include "host/bot/registry.h"
#include "host/bot/secrets_command.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/helper.h"

/* jemalloc looks for it: each handler that waits has some chunks of an arena, all of the same sizes, so
 * that a busy host frees and takes hundreds at a time. */
AISHA_PUBLIC extern const char *const malloc_conf;
const char *const malloc_conf = "tcache_nslots_small_min:200,tcache_nslots_small_max:400";

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

enum { MAX_ARGUMENTS = 2 };

struct invocation {
    const char *config_path, *plugins_path;
    const char *command;
    const char *arguments[MAX_ARGUMENTS]; /* of the command; the rest is NULL */
    size_t argument_count;
    bool is_sure;        /* --yes */
    const char *program; /* path of this executable */
};

/* What a command works with: the files read and checked. */
struct setup {
    struct arena arena;
    struct config config;
    struct registry registry;
    const struct catalogue *texts;
};

static const char usage[] =
    "usage: aisha [--config FILE] [--plugins FILE] [COMMAND]\n"
    "\n"
    "  run       run the bot (this is done without a command, too)\n"
    "  check     look whether everything it needs is there and works, and say what is wrong\n"
    "  migrate   show the tables' migrations and apply what is missing\n"
    "  plugins   list the plugins that run\n"
    "  secrets encrypt [SECTION.KEY]\n"
    "            encrypt the value on stdin for the configuration, for that key only if it is named\n"
    "  secrets decrypt\n"
    "            the way back\n"
    "  secrets new-key\n"
    "            make a key for that: AISHA_MASTER_KEY\n"
    "  dead-letters list\n"
    "            updates that ended the process three times, and jobs after their last attempt\n"
    "  dead-letters show ID\n"
    "  dead-letters replay ID|all\n"
    "            have them handled once more\n"
    "  dead-letters drop ID|all [--yes]\n"
    "  version   say which version this is\n"
    "\n"
    "  --config FILE    default etc/aisha.ini\n"
    "  --plugins FILE   default etc/plugins.ini\n";

/* The directory of this executable. */
static const char *program_directory(struct arena *arena, const char *program)
{
    const char *slash = strrchr(program, '/');

    return slash ? arena_strndup(arena, program, (size_t)(slash - program)) : ".";
}

/* Reads everything; prints what is wrong and returns false when something is. */
static bool setup_load(struct setup *setup, const struct invocation *invocation)
{
    struct arena *arena = &setup->arena;
    struct problems problems = {.arena = arena};
    struct env *env = env_load(arena, ".env", &problems);
    const char *directory = program_directory(arena, invocation->program);

    aisha_ignore(config_load(arena, env, invocation->config_path, &setup->config, &problems));
    aisha_ignore(
        i18n_load(arena, arena_printf(arena, "%s/locale", directory), &setup->texts, &problems));
    const struct registry_options options = {
        .plugins_path = invocation->plugins_path,
        .directory = problems.count == 0 && *setup->config.plugins.directory
                         ? setup->config.plugins.directory
                         : arena_printf(arena, "%s/../plugins", directory),
        .env = env,
        .host_texts = setup->texts,
    };
    aisha_ignore(registry_load(arena, &options, &setup->registry, &problems));
    problems_print(&problems, stderr);
    return problems.count == 0;
}

/* A connection of each handler that waits takes one; programs start with few because of select(2),
 * which nobody uses here. */
static void take_all_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("bot", "the number of open files stays limited");
}

static int command_run(const struct invocation *invocation, struct setup *setup)
{
    if (log_setup(setup->config.log.level, setup->config.log.format) < 0)
        return EXIT_FAILED;
    take_all_descriptors();
    return bot_run(&setup->config, &setup->registry, setup->texts, invocation->program) < 0
               ? EXIT_FAILED
               : EXIT_DONE;
}

static int command_check(const struct invocation *invocation, struct setup *setup)
{
    if (log_setup("error", setup->config.log.format) < 0)
        return EXIT_FAILED;
    printf("ok       %s\nok       %s, %zu plugins\n", invocation->config_path,
           invocation->plugins_path, setup->registry.count);
    return check_command(&setup->config, &setup->registry, setup->texts, invocation->program) < 0
               ? EXIT_FAILED
               : EXIT_DONE;
}

static int command_plugins(const struct invocation *invocation, struct setup *setup)
{
    (void)invocation;
    for (size_t i = 0; i < setup->registry.count; i++) {
        const struct plugin *plugin = &setup->registry.plugins[i];
        printf("%-16s %-10s %s\n", plugin->name, plugin->d.version ? plugin->d.version : "",
               plugin->d.summary ? plugin->d.summary : "");
    }
    return EXIT_DONE;
}

static int command_migrate(const struct invocation *invocation, struct setup *setup)
{
    (void)invocation;
    if (log_setup("warn", setup->config.log.format) < 0)
        return EXIT_FAILED;
    return migrate_command(&setup->config, &setup->registry) < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Reads the key only: whoever prepares a configuration has no whole one yet. */
static int command_secrets(const struct invocation *invocation, struct setup *setup)
{
    struct problems problems = {.arena = &setup->arena};
    struct env *env = env_load(&setup->arena, ".env", &problems);

    int r = secrets_command(&setup->arena, env, invocation->config_path, invocation->arguments[0],
                            invocation->arguments[1], &problems);
    return r == SECRETS_USAGE ? EXIT_USAGE : r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int command_dead_letters(const struct invocation *invocation, struct setup *setup)
{
    if (log_setup("error", setup->config.log.format) < 0)
        return EXIT_FAILED;
    int r = dead_letters_command(&setup->config, invocation->arguments[0], invocation->arguments[1],
                                 invocation->is_sure);
    return r == DEAD_LETTERS_USAGE ? EXIT_USAGE : r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static const struct command {
    const char *name;
    int (*run)(const struct invocation *invocation, struct setup *setup);
    size_t max_arguments;
    bool reads_nothing; /* it needs no configuration */
    bool may_be_sure;   /* it takes --yes */
} commands[] = {
    {"run", command_run},
    {"dead-letters", command_dead_letters, .max_arguments = 2, .may_be_sure = true},
    {"check", command_check},
    {"migrate", command_migrate},
    {"plugins", command_plugins},
    {"secrets", command_secrets, .max_arguments = 2, .reads_nothing = true},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run_command(const struct invocation *invocation)
{
    const struct command *command = find_command(invocation->command);
    struct setup setup = {0};

    if (!command) {
        fprintf(stderr, "aisha: there is no command \"%s\"\n\n%s", invocation->command, usage);
        return EXIT_USAGE;
    }
    bool is_wrong = invocation->argument_count > command->max_arguments ||
                    (invocation->is_sure && !command->may_be_sure);
    int status = is_wrong ? EXIT_USAGE
                 : command->reads_nothing || setup_load(&setup, invocation)
                     ? command->run(invocation, &setup)
                     : EXIT_FAILED;
    if (status == EXIT_USAGE)
        fprintf(stderr, "aisha: \"%s\" is used in another way\n\n%s", invocation->command, usage);
    arena_clear(&setup.arena);
    return status;
}

/* The value behind an option such as --config FILE or --config=FILE; NULL when it is not this one. */
static const char *option_value(char **argv, int argc, int *i, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(argv[*i], name, length) != 0)
        return NULL;
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    if (argv[*i][length] != '\0' || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

static int parse(int argc, char **argv, struct invocation *invocation)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        if ((value = option_value(argv, argc, &i, "--config"))) {
            invocation->config_path = value;
        } else if ((value = option_value(argv, argc, &i, "--plugins"))) {
            invocation->plugins_path = value;
        } else if (strcmp(argv[i], "--yes") == 0) {
            invocation->is_sure = true;
        } else if (argv[i][0] == '-' || invocation->argument_count == MAX_ARGUMENTS) {
            fprintf(stderr, "aisha: \"%s\" makes no sense here\n\n%s", argv[i], usage);
            return EXIT_USAGE;
        } else if (invocation->command) {
            invocation->arguments[invocation->argument_count++] = argv[i];
        } else {
            invocation->command = argv[i];
        }
    }
    if (!invocation->command)
        invocation->command = "run";
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    char program[PATH_MAX] = "";
    struct invocation invocation = {
        .config_path = "etc/aisha.ini", .plugins_path = "etc/plugins.ini", .program = program};

    if (argc > 1 && strcmp(argv[1], "helper") == 0)
        return helper_main(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) {
        perror("aisha: /proc/self/exe");
        return EXIT_FAILED;
    }
    int status = parse(argc, argv, &invocation);
    if (status != EXIT_DONE)
        return status;
    if (strcmp(invocation.command, "version") == 0) {
        printf("aisha %s, plugin ABI %d\n", AISHA_VERSION, AISHA_ABI);
        return EXIT_DONE;
    }
    return run_command(&invocation);
}
