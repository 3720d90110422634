/*
 * One table says everything about the keys: where they are stored, default, range, further check.
 */
#include "host/bot/config.h"

#include <ctype.h>
#include <string.h>

#include <aisha/error.h>
#include <aisha/plugin.h>

#include "host/bot/i18n.h"
#include "host/bot/options.h"
#include "host/bot/split.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof *(array))

struct setting {
    const char *section;
    struct aisha_option option;
    bool (*is_good)(const char *value); /* of a text */
    const char *remedy;                 /* when it is not */
    unsigned flags;                     /* for ini_value() */
};

static bool is_token(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    const char *secret = value + digits + 1;

    if (!digits || value[digits] != ':' || !*secret)
        return false;
    while (isalnum((unsigned char)*secret) || *secret == '_' || *secret == '-')
        secret++;
    return !*secret;
}

static bool is_plain_url_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || strchr("\x7f?#\"<>\\", *text))
            return false;
    return true;
}

static bool is_http_url(const char *value)
{
    size_t scheme = strncmp(value, "http://", 7) == 0    ? 7
                    : strncmp(value, "https://", 8) == 0 ? 8
                                                         : 0;

    return scheme && value[scheme] && !strchr("/:", value[scheme]) && is_plain_url_text(value);
}

static bool is_http_url_or_empty(const char *value)
{
    return !*value || is_http_url(value);
}

static bool is_mode(const char *value)
{
    return strcmp(value, "polling") == 0 || strcmp(value, "webhook") == 0;
}

static bool is_bearer_token(const char *value)
{
    size_t size = strlen(value);

    return size == 0 ||
           (size >= 16 && size <= 256 &&
            strspn(value,
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
                size);
}

static bool is_webhook_secret(const char *value)
{
    size_t size = strlen(value);

    return size <= 256 && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789_-") == size;
}

/* The server looks at it more closely. */
static bool is_address(const char *value)
{
    const char *colon = strrchr(value, ':');

    return colon && colon != value && colon[1] &&
           strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

static bool is_database_url(const char *value)
{
    static const char *const schemes[] = {"sqlite:", "postgresql://", "postgres://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t length = strlen(schemes[i]);
        if (strncmp(value, schemes[i], length) == 0 && value[length])
            return true;
    }
    return false;
}

/* What is in it is looked at when it is opened. */
static bool is_redis_url(const char *value)
{
    return !*value || (strncmp(value, "redis://", 8) == 0 && value[8]);
}

static bool is_blob_url(const char *value)
{
    return (strncmp(value, "file:", 5) == 0 && value[5]) || strncmp(value, "s3+http://", 10) == 0 ||
           strncmp(value, "s3+https://", 11) == 0;
}

static bool is_log_level(const char *value)
{
    return strcmp(value, "debug") == 0 || strcmp(value, "info") == 0 ||
           strcmp(value, "warn") == 0 || strcmp(value, "error") == 0;
}

static bool is_log_format(const char *value)
{
    return strcmp(value, "text") == 0 || strcmp(value, "json") == 0;
}

#define TEXT(section_name, key, standard)                                                          \
    .section = #section_name, .option = {.name = #key,                                             \
                                         .type = AISHA_OPTION_TEXT,                                \
                                         .offset = offsetof(struct config, section_name.key),      \
                                         .value = (standard)}

#define SECRET(section_name, key, standard)                                                        \
    .section = #section_name, .option = {.name = #key,                                             \
                                         .type = AISHA_OPTION_TEXT,                                \
                                         .offset = offsetof(struct config, section_name.key),      \
                                         .value = (standard),                                      \
                                         .is_secret = true}

#define INT(section_name, key, standard, from, to)                                                 \
    .section = #section_name, .option = {.name = #key,                                             \
                                         .type = AISHA_OPTION_INT,                                 \
                                         .offset = offsetof(struct config, section_name.key),      \
                                         .value = (standard),                                      \
                                         .min = (from),                                            \
                                         .max = (to)}

static const struct setting settings[] = {
    {SECRET(telegram, token, ""), .is_good = is_token,
     .remedy = "a token looks like 123456:AbC-dEf_1; copy it again from @BotFather"},
    {TEXT(telegram, api_url, "https://api.telegram.org"), .is_good = is_http_url,
     .remedy = "write http://HOST[:PORT] or https://HOST[:PORT]"},
    {.section = "telegram",
     .option = {.name = "local",
                .type = AISHA_OPTION_BOOL,
                .offset = offsetof(struct config, telegram.is_local),
                .value = "0"}},
    {TEXT(telegram, mode, "polling"), .is_good = is_mode, .remedy = "write polling or webhook"},
    {SECRET(telegram, webhook_secret, ""), .is_good = is_webhook_secret,
     .remedy = "write 1 to 256 of A-Z a-z 0-9 _ -, or nothing for a random one"},
    {TEXT(telegram, webhook_certificate, "")},
    {INT(telegram, webhook_connections, "40", 1, 100000)},
    {SECRET(database, url, "sqlite:var/aisha.db"), .is_good = is_database_url,
     .remedy = "write sqlite:PATH or postgresql://USER:PASSWORD@HOST/DATABASE"},
    {SECRET(redis, url, ""), .is_good = is_redis_url,
     .remedy = "write redis://:PASSWORD@HOST:PORT/DATABASE, or nothing to do without"},
    {SECRET(blob, url, "file:var/files"), .is_good = is_blob_url,
     .remedy = "write file:PATH or s3+https://KEY:SECRET@HOST/BUCKET?region=REGION",
     .flags = INI_KEEP_FILE_URL},
    {TEXT(blob, public_url, ""), .is_good = is_http_url_or_empty,
     .remedy = "write https://HOST[:PORT], as others reach the S3 of BLOB_URL"},
    {TEXT(blob, cdn_url, ""), .is_good = is_http_url_or_empty,
     .remedy = "write https://HOST[/PATH], behind which everybody sees the files"},
    {INT(http, slots, "64", 1, 65536)},
    {TEXT(http, listen, "127.0.0.1:8080"), .is_good = is_address,
     .remedy = "write ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080"},
    {TEXT(http, public_url, ""), .is_good = is_http_url_or_empty,
     .remedy = "write https://HOST[:PORT], as Telegram reaches it from outside"},
    {SECRET(http, metrics_token, ""), .is_good = is_bearer_token,
     .remedy =
         "write 16 to 256 of A-Z a-z 0-9 - . _ ~ + / =, or nothing for no access from elsewhere"},
    {INT(outbound, rate, "30", 0, 10000)},
    {INT(outbound, chat_rate, "1", 0, 10000)},
    {INT(outbound, group_rate, "20", 0, 100000)},
    {INT(limits, max_in_flight, "8192", 1, 65536)},
    {INT(limits, max_pending, "10000", 1, 1000000)},
    {INT(limits, slow_handler_s, "30", 1, 600)},
    {INT(limits, messages, "100", 1, 100000)},
    {INT(limits, memory_mb, "256", 1, 65536)},
    {.section = "admin",
     .option = {.name = "ids",
                .type = AISHA_OPTION_TEXT,
                .offset = offsetof(struct config, admin.ids_text),
                .value = ""}},
    {TEXT(profile, texts, "")},
    {TEXT(log, level, "info"), .is_good = is_log_level,
     .remedy = "write debug, info, warn or error"},
    {TEXT(log, format, "text"), .is_good = is_log_format, .remedy = "write text or json"},
    {TEXT(plugins, directory, "")},
    {TEXT(secrets, key_file, "")},
};

#define MISSING_TOKEN "get a token from @BotFather, or try ./dev demo"

static bool is_token_setting(const struct setting *setting)
{
    return setting->option.offset == offsetof(struct config, telegram.token);
}

static size_t section_names(const char **ret)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (!count || strcmp(ret[count - 1], settings[i].section) != 0)
            ret[count++] = settings[i].section;
    return count;
}

static size_t key_names(const char *section, const char **ret)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (strcmp(settings[i].section, section) == 0)
            ret[count++] = settings[i].option.name;
    return count;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Everything in the file that no setting stands for. */
static void check_names(struct arena *arena, const struct ini *ini, struct problems *problems)
{
    const char *sections[ARRAY_SIZE(settings)], *keys[ARRAY_SIZE(settings)];
    size_t section_count = section_names(sections);

    for (size_t i = 0; i < ini->section_count; i++) {
        const struct ini_section *section = &ini->sections[i];
        size_t key_count = key_names(section->name, keys);

        if (!is_among(section->name, sections, section_count)) {
            problem_add(problems, ini->path, section->line,
                        problem_did_you_mean(arena, section->name, sections, section_count),
                        "there is no section [%s]", section->name);
            continue;
        }
        for (size_t j = 0; j < section->entry_count; j++) {
            const struct ini_entry *entry = &section->entries[j];
            if (!is_among(entry->key, keys, key_count))
                problem_add(problems, ini->path, entry->line,
                            problem_did_you_mean(arena, entry->key, keys, key_count),
                            "[%s] has no key \"%s\"", section->name, entry->key);
        }
    }
}

/* Takes one setting from the file or its default. */
static void take(struct arena *arena, const struct ini *ini, const struct setting *setting,
                 struct config *config, struct problems *problems)
{
    const struct aisha_option *option = &setting->option;
    const struct ini_section *section = ini_find(ini, setting->section);
    const struct ini_entry *entry = section ? ini_find_entry(section, option->name) : NULL;
    struct option_source source = {ini->path, entry ? entry->line : 0, setting->section};
    const char *value = NULL;

    if (entry) {
        value = ini_value(arena, section, entry, setting->flags,
                          is_token_setting(setting) ? MISSING_TOKEN : NULL, problems);
        if (!value)
            return;
    } else if (is_token_setting(setting)) {
        problem_add(problems, ini->path, 0, "write \"token = ${BOT_TOKEN}\" into it",
                    "section [telegram] has no token");
        return;
    }
    if (!value || !*value)
        value = option->value;
    if (is_token_setting(setting) && !*value) {
        problem_add(problems, source.path, source.line, MISSING_TOKEN, "BOT_TOKEN is not set");
        return;
    }
    if (setting->is_good && !setting->is_good(value)) {
        option_refuse(option, value, source, setting->remedy, problems);
        return;
    }
    aisha_ignore(option_set(arena, option, value, source, config, problems));
}

static void parse_ids(struct arena *arena, const struct ini *ini, struct config *config,
                      struct problems *problems)
{
    const struct ini_section *section = ini_find(ini, "admin");
    const struct ini_entry *entry = section ? ini_find_entry(section, "ids") : NULL;
    char *rest = arena_strdup(arena, config->admin.ids_text);
    char *word;

    if (!rest)
        return;
    int64_t *ids = arena_alloc(arena, (strlen(rest) / 2 + 1) * sizeof *ids);
    config->admin.ids = ids;
    while ((word = strsep(&rest, ", \t"))) {
        if (!*word)
            continue;
        int64_t id;
        if (option_parse_int(word, &id) < 0 || id <= 0)
            problem_add(problems, ini->path, entry ? entry->line : 0,
                        "write the numbers of Telegram users, separated by commas",
                        "[admin] ids cannot contain \"%.40s\"", word);
        else
            ids[config->admin.id_count++] = id;
    }
}

/* What Telegram shows of the bot: each text has a length that Telegram takes. */
static void read_profile(struct arena *arena, const struct ini *ini, struct config *config,
                         struct problems *problems)
{
    static const struct {
        const char *key;
        size_t max;
    } texts[] = {{"name", 64}, {"description", 512}, {"short_description", 120}};
    const struct ini_section *section = ini_find(ini, "profile");

    if (!config->profile.texts || !*config->profile.texts ||
        i18n_load(arena, config->profile.texts, &config->profile.catalogue, problems) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        for (const char *const *locale = i18n_locales; *locale; locale++) {
            const char *text = i18n_format(arena, config->profile.catalogue, *locale, texts[i].key,
                                           NULL, I18N_PLAIN);
            if (text && split_length(text, SPLIT_PLAIN) > texts[i].max)
                problem_add(problems, ini->path, section ? section->line : 0, "shorten the text",
                            "the bot's \"%s\" in %s/%s.json has over %zu characters", texts[i].key,
                            config->profile.texts, *locale, texts[i].max);
        }
}

static char *without_last_slashes(struct arena *arena, const char *url)
{
    size_t size = strlen(url);

    while (size && url[size - 1] == '/')
        size--;
    return arena_strndup(arena, url, size);
}

static const struct master_key *take_master_key(struct arena *arena, struct env *env,
                                                const struct ini *ini, struct problems *problems)
{
    const struct ini_section *section = ini_find(ini, "secrets");
    const struct ini_entry *entry = section ? ini_find_entry(section, "key_file") : NULL;
    const char *path = entry ? ini_value(arena, section, entry, 0, NULL, problems) : NULL;

    return env_take_master_key(arena, env, path, problems);
}

const struct master_key *config_master_key(struct arena *arena, struct env *env, const char *path,
                                           struct problems *problems)
{
    struct problems others = {.arena = arena};
    struct ini ini;

    aisha_ignore(ini_load(arena, env, path, &ini, &others));
    return take_master_key(arena, env, &ini, problems);
}

int config_load(struct arena *arena, struct env *env, const char *path, struct config *ret,
                struct problems *problems)
{
    size_t problems_before = problems->count;
    struct config config = {0};
    struct ini ini;

    int r = ini_load(arena, env, path, &ini, problems);
    if (r < 0 && !ini.section_count)
        return r;
    check_names(arena, &ini, problems);
    aisha_ignore(take_master_key(arena, env, &ini, problems) != NULL);
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        take(arena, &ini, &settings[i], &config, problems);
    parse_ids(arena, &ini, &config, problems);
    read_profile(arena, &ini, &config, problems);
    if (problems->count > problems_before)
        return -AISHA_E_INVALID;
    config.telegram.is_webhook = strcmp(config.telegram.mode, "webhook") == 0;
    config.http.public_url = without_last_slashes(arena, config.http.public_url);
    if (config.telegram.is_webhook && !*config.http.public_url) {
        problem_add(
            problems, path, 0,
            "set PUBLIC_URL to the address at which Telegram reaches this host, or BOT_MODE "
            "to polling",
            "BOT_MODE is webhook, but PUBLIC_URL is not set");
        return -AISHA_E_INVALID;
    }
    config.telegram.api_url = without_last_slashes(arena, config.telegram.api_url);
    *ret = config;
    return 0;
}
