/*
 * Reads both languages into one table and checks each text on its own, then against its siblings:
 * the other plural forms and the other language have to have the same placeholders.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <aisha/error.h>

#include "host/bot/html.h"
#include "host/bot/i18n.h"
#include "host/bot/i18n_data.h"
#include "host/bot/split.h"
#include "host/bot/text.h"

enum { FILE_MAX_BYTES = 1 << 20, KEY_MAX_BYTES = 60, PLACEHOLDERS_MAX = 16 };

static const char *const plural_names[PLURAL_COUNT] = {"one", "few", "many", "other"};

static const bool has_plural[LANGUAGE_COUNT][PLURAL_COUNT] = {
    [LANGUAGE_EN] = {[PLURAL_ONE] = true, [PLURAL_OTHER] = true},
    [LANGUAGE_RU] = {[PLURAL_ONE] = true, [PLURAL_FEW] = true, [PLURAL_MANY] = true},
};

/* One language while it is read. */
struct reading {
    struct arena *arena;
    struct problems *problems;
    const char *path;
    const char *file;
    enum language language;
};

static int line_at(const char *file, const char *place)
{
    int line = 1;

    while (file < place)
        line += *file++ == '\n';
    return line;
}

/* The line on which the file names the key; 0 when it is written in another way. */
static int line_of_key(const struct reading *r, const char *key)
{
    const char *quoted = arena_printf(r->arena, "\"%s\"", key);

    for (const char *at = r->file; at && (at = strstr(at, quoted)); at++) {
        const char *rest = at + strlen(quoted);
        while (isspace((unsigned char)*rest))
            rest++;
        if (*rest == ':')
            return line_at(r->file, at);
    }
    return 0;
}

static void refuse(const struct reading *r, const char *key, const char *remedy, const char *cause)
{
    problem_add(r->problems, r->path, line_of_key(r, key), remedy, "\"%s\": %s", key, cause);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of all placeholders, sorted and joined; NULL for braces that are wrong. */
static const char *placeholders(struct arena *arena, const char *text)
{
    const char *names[PLACEHOLDERS_MAX];
    struct text joined = {.arena = arena};
    size_t count = 0;

    while ((text = strchr(text, '{'))) {
        if (text[1] == '{') {
            text += 2;
            continue;
        }
        size_t size = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (!size || text[size + 1] != '}' || count == PLACEHOLDERS_MAX)
            return NULL;
        names[count++] = arena_strndup(arena, text + 1, size);
        text += size + 2;
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(names[i], names[i - 1]) != 0)
            text_adds(&joined, arena_printf(arena, "{%s}", names[i]));
    return text_done(&joined);
}

static bool is_good_text(const struct reading *r, const char *key, const cJSON *item)
{
    if (!cJSON_IsString(item) || !*item->valuestring) {
        refuse(r, key, "write a text, or an object of plural forms with one text each",
               "not a text");
        return false;
    }
    const char *fault = html_check(r->arena, item->valuestring);
    if (fault)
        refuse(r, key, "texts are Telegram's HTML", fault);
    if (!placeholders(r->arena, item->valuestring))
        refuse(r, key, "write {name} with a-z 0-9 _, at most 16 of them, and {{ for a brace",
               "a broken placeholder");
    return !fault;
}

/* Stores the text of one plural form, or of a text without them, which is in all forms. */
static void store(const struct reading *r, struct message *message, enum plural plural,
                  const cJSON *item)
{
    if (is_good_text(r, message->key, item))
        message->texts[r->language][plural] = arena_strdup(r->arena, item->valuestring);
}

static void store_plurals(const struct reading *r, struct message *message, const cJSON *object)
{
    const char **texts = message->texts[r->language];
    const cJSON *item;

    cJSON_ArrayForEach(item, object) {
        size_t i = 0;
        while (i < PLURAL_COUNT && strcmp(item->string, plural_names[i]) != 0)
            i++;
        if (i == PLURAL_COUNT || (!has_plural[r->language][i] && i != PLURAL_OTHER))
            refuse(r, message->key,
                   "the forms of English are one, other; of Russian one, few, many",
                   arena_printf(r->arena, "no plural form of this language is called \"%.20s\"",
                                item->string));
        else
            store(r, message, (enum plural)i, item);
    }
    for (size_t i = 0; i < PLURAL_COUNT; i++)
        if (has_plural[r->language][i] &&
            !cJSON_GetObjectItemCaseSensitive(object, plural_names[i]))
            refuse(r, message->key,
                   "the forms of English are one, other; of Russian one, few, many",
                   arena_printf(r->arena, "the plural form \"%s\" is missing", plural_names[i]));
    /* What the language does not tell apart. */
    if (!texts[PLURAL_OTHER])
        texts[PLURAL_OTHER] = texts[PLURAL_FEW];
    for (size_t i = 0; i < PLURAL_COUNT; i++)
        if (!texts[i])
            texts[i] = texts[PLURAL_OTHER];
}

static void store_message(const struct reading *r, struct message *message, const cJSON *item)
{
    if (cJSON_IsObject(item)) {
        store_plurals(r, message, item);
        return;
    }
    store(r, message, PLURAL_OTHER, item);
    for (size_t i = 0; i < PLURAL_COUNT; i++)
        message->texts[r->language][i] = message->texts[r->language][PLURAL_OTHER];
}

static void free_tree(void *data)
{
    cJSON_Delete(data);
}

/* The file's object; NULL when problems were added. */
static const cJSON *read_object(struct reading *r)
{
    const char *end = NULL;
    size_t size;
    char *file;

    int result = text_read_file(r->arena, r->path, FILE_MAX_BYTES, &file, &size);
    if (result < 0) {
        problem_add(r->problems, r->path, 0, "every catalogue has en.json and ru.json, up to 1 MiB",
                    "cannot be read: %s", aisha_error_text(result));
        return NULL;
    }
    r->file = file;
    if (strlen(file) != size || !utf8_is_valid(file, size)) {
        problem_add(r->problems, r->path, 0, "save the file as plain UTF-8 text",
                    "this is not valid UTF-8");
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLengthOpts(file, size + 1, &end, true);
    if (tree)
        arena_defer(r->arena, free_tree, tree);
    if (cJSON_IsObject(tree))
        return tree;
    problem_add(r->problems, r->path, end ? line_at(file, end) : 0,
                "a catalogue is one object: {\"key\": \"text\", …}", "this is not valid JSON");
    return NULL;
}

static bool is_key(const char *key)
{
    size_t size = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.");

    return size && size <= KEY_MAX_BYTES && !key[size];
}

/* A member of one of the files. */
struct entry {
    const char *key;
    const cJSON *item;
    enum language language;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    return order ? order : (int)x->language - (int)y->language;
}

/* The entries of all languages by key; NULL when a file is unusable. */
static struct entry *collect(struct reading *readings, size_t *ret_count)
{
    const cJSON *objects[LANGUAGE_COUNT], *item;
    size_t count = 0, capacity = 1;
    bool is_complete = true;

    for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
        objects[i] = read_object(&readings[i]);
        is_complete = is_complete && objects[i];
        capacity += (size_t)cJSON_GetArraySize(objects[i]);
    }
    if (!is_complete)
        return NULL;
    struct entry *entries = arena_alloc(readings->arena, capacity * sizeof *entries);
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        cJSON_ArrayForEach(item, objects[i]) {
            entries[count++] = (struct entry){item->string, item, (enum language)i};
        }
    qsort(entries, count, sizeof *entries, compare_entries);
    *ret_count = count;
    return entries;
}

/* All forms of all languages say the same; a form that is NULL was refused before. */
static void check_placeholders(const struct reading *readings, const struct message *message)
{
    const char *first = NULL;

    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        for (size_t j = 0; j < PLURAL_COUNT; j++) {
            const char *text = message->texts[i][j];
            const char *names = text ? placeholders(readings->arena, text) : NULL;
            if (!names)
                continue;
            if (first && strcmp(first, names) != 0) {
                refuse(&readings[i], message->key, "use the same ones in every form and language",
                       arena_printf(readings->arena,
                                    "has the placeholders %s here and %s elsewhere",
                                    *names ? names : "(none)", *first ? first : "(none)"));
                return;
            }
            first = names;
        }
}

/* Makes a message of the entries with the first one's key; returns how many they are. */
static size_t merge(const struct reading *readings, const struct entry *entries, size_t count,
                    struct message *message)
{
    bool is_given[LANGUAGE_COUNT] = {false};
    size_t i = 0;

    *message = (struct message){.key = arena_strdup(readings->arena, entries->key)};
    for (; i < count && strcmp(entries[i].key, message->key) == 0; i++) {
        const struct reading *r = &readings[entries[i].language];
        if (is_given[r->language])
            refuse(r, message->key, "remove one of them", "given twice");
        else if (!is_key(message->key))
            refuse(r, message->key, "a key has 1-60 of a-z 0-9 _ .", "not a key");
        else
            store_message(r, message, entries[i].item);
        is_given[r->language] = true;
    }
    for (size_t j = 0; j < LANGUAGE_COUNT; j++)
        if (!is_given[j])
            refuse(&readings[j], message->key, "translate it, or remove it from the other language",
                   "the text is missing");
    check_placeholders(readings, message);
    return i;
}

int i18n_load(struct arena *arena, const char *directory, const struct catalogue **ret,
              struct problems *problems)
{
    struct catalogue *catalogue = arena_alloc(arena, sizeof *catalogue);
    struct reading readings[LANGUAGE_COUNT];
    size_t problems_before = problems->count;
    size_t count;

    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        readings[i] = (struct reading){
            .arena = arena,
            .problems = problems,
            .path = arena_printf(arena, "%s/%s.json", directory, i18n_locales[i]),
            .language = (enum language)i,
        };
    const struct entry *entries = collect(readings, &count);
    if (!entries)
        return -AISHA_E_INVALID;
    catalogue->messages = arena_alloc(arena, (count + 1) * sizeof *catalogue->messages);
    for (size_t i = 0; i < count;)
        i += merge(readings, entries + i, count - i, &catalogue->messages[catalogue->count++]);
    if (problems->count > problems_before)
        return -AISHA_E_INVALID;
    *ret = catalogue;
    return 0;
}
