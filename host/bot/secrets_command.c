#include "host/bot/secrets_command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/bot/config.h"
#include "host/bot/problem.h"
#include "host/bot/sealed.h"
#include "host/bot/split.h"
#include "host/core/arena.h"

enum { MAX_VALUE = 48 * 1024 }; /* that may be a value when it is encrypted, too */

static int complain(const char *what)
{
    fprintf(stderr, "aisha: %s\n", what);
    return -AISHA_E_INVALID;
}

/* All of stdin, without the newline that an echo leaves at its end. */
static int read_value(struct arena *arena, const char **ret_value)
{
    char *value = arena_alloc(arena, MAX_VALUE + 2);
    size_t size;

    if (isatty(STDIN_FILENO))
        fprintf(stderr, "Type the value, then Enter and Ctrl-D:\n");
    size = fread(value, 1, MAX_VALUE + 1, stdin);
    if (ferror(stdin))
        return complain("stdin cannot be read");
    if (size > MAX_VALUE)
        return complain("the value has over 48 KiB");
    value[size] = '\0';
    if (strlen(value) != size || !utf8_is_valid(value, size))
        return complain("the value on stdin is not UTF-8 text");
    if (size && value[size - 1] == '\n')
        value[--size] = '\0';
    if (size && value[size - 1] == '\r')
        value[--size] = '\0';
    if (!size)
        return complain("there is nothing on stdin: printf '%s' VALUE | aisha secrets encrypt");
    *ret_value = value;
    return 0;
}

static int encrypt(struct arena *arena, const struct master_key *key, const char *name)
{
    const char *value;

    int r = read_value(arena, &value);
    if (r < 0)
        return r;
    if (is_sealed(value))
        return complain("this value is encrypted already");
    const char *sealed = seal(arena, key, name, value);
    if (!sealed)
        return complain("the value could not be encrypted");
    printf("%s\n", sealed);
    return 0;
}

static int decrypt(struct arena *arena, const struct master_key *key, const char *name)
{
    const char *sealed, *cause, *remedy;

    int r = read_value(arena, &sealed);
    if (r < 0)
        return r;
    if (!is_sealed(sealed))
        return complain("the value on stdin does not start with enc:");
    const char *value = unseal(arena, key, name, sealed, &cause, &remedy);
    if (!value)
        return complain(cause);
    printf("%s\n", value);
    return 0;
}

static int new_key(struct arena *arena)
{
    const char *key = master_key_new(arena);

    if (!key)
        return complain("the system has no randomness");
    printf("%s\n", key);
    return 0;
}

int secrets_command(struct arena *arena, struct env *env, const char *config_path,
                    const char *action, const char *name, struct problems *problems)
{
    bool is_encrypt = action && strcmp(action, "encrypt") == 0;

    if (action && strcmp(action, "new-key") == 0 && !name)
        return new_key(arena);
    if (!is_encrypt && (!action || strcmp(action, "decrypt") != 0))
        return SECRETS_USAGE;
    if (name && !is_seal_name(name))
        return complain("NAME is SECTION.KEY, such as openai.api_key; the value comes from stdin");
    const struct master_key *key = config_master_key(arena, env, config_path, problems);
    problems_print(problems, stderr);
    if (!key)
        return problems->count
                   ? -AISHA_E_INVALID
                   : complain(
                         "there is no key. Make one with \"aisha secrets new-key\", keep it, and "
                         "give it in AISHA_MASTER_KEY or as the file that [secrets] key_file in "
                         "aisha.ini names");
    return is_encrypt ? encrypt(arena, key, name) : decrypt(arena, key, name);
}
