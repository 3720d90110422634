/*
 * Calls of the Bot API, whose code is generated: "method {parameters}" fills the struct that a plugin
 * would fill, and what is written of it is JSON that says the same; and "method = result" is read as
 * an answer of Telegram, whatever it is.
 */
#include <assert.h>
#include <string.h>

#include <aisha/base.h>
#include <aisha/file.h>

#include "host/core/arena.h"
#include "host/telegram/api.h"
#include "host/telegram/codec.h"
#include "tests/fuzz/fuzz.h"

/* The parameters as text, or NULL when they are refused, which has a field to blame. */
static const char *write_call(struct arena *arena, const struct api_method *method,
                              const void *params)
{
    struct codec_body body = {0};
    const char *field = NULL;

    int r = codec_write(arena, method, params, &body, &field);
    assert(r == 0 || (field && *field));
    assert(r < 0 || (body.json && body.part_count == 0)); /* no file comes out of JSON */
    return r < 0 ? NULL : body.json;
}

/* The same with a file to upload for each parameter that takes one. */
static void write_parts(struct arena *arena, const struct api_method *method, const void *params)
{
    static const struct aisha_file file = {.size = sizeof file, .bytes = "x", .bytes_size = 1};
    const struct aisha_file *source = &file;
    char *own = arena_memdup(arena, params, method->params->size);
    struct codec_body body = {0};
    const char *field = NULL;

    for (size_t i = 0; i < method->params->field_count; i++) {
        const struct api_field *parameter = &method->params->fields[i];
        if (parameter->value.kind == API_FILE && !parameter->value.depth)
            memcpy(own + parameter->offset, &source, sizeof source);
    }
    int r = codec_write(arena, method, own, &body, &field);
    assert(r == 0 ? !body.json == (body.part_count > 0) : field && *field);
    for (size_t i = 0; i < body.part_count; i++)
        assert(body.parts[i].name && !body.parts[i].value == !!body.parts[i].file);
}

static const void *read_params(struct arena *arena, const struct api_method *method,
                               const char *text, size_t size)
{
    const void *params;
    cJSON *json;

    if (codec_parse(text, size, &json) < 0)
        return NULL;
    int r = codec_read(arena, method->params, json, &params);
    cJSON_Delete(json);
    return r < 0 ? NULL : params;
}

static void call(struct arena *arena, const struct api_method *method, const char *text,
                 size_t size)
{
    const void *params = read_params(arena, method, text, size);

    if (!params)
        return;
    write_parts(arena, method, params);
    const char *written = write_call(arena, method, params);
    if (!written)
        return;
    params = read_params(arena, method, written, strlen(written));
    assert(params);
    const char *again = write_call(arena, method, params);
    assert(again && strcmp(again, written) == 0);
}

static void read_result(struct arena *arena, const struct api_method *method, const char *text,
                        size_t size)
{
    long long result[2] = {0}; /* room for a number, a truth or a pointer */
    cJSON *json;

    if (codec_parse(text, size, &json) < 0)
        return;
    aisha_ignore(codec_read_result(arena, method, json, result));
    aisha_ignore(codec_read_result(arena, method, json, NULL));
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *space = size ? memchr(text, ' ', size) : NULL;
    struct arena arena = {0};

    if (!space)
        return 0;
    const char *name = arena_strndup(&arena, text, (size_t)(space - text));
    const struct api_method *method = api_find_method(name);
    size_t rest = size - (size_t)(space - text) - 1;
    if (method && rest > 2 && memcmp(space + 1, "= ", 2) == 0)
        read_result(&arena, method, space + 3, rest - 2);
    else if (method)
        call(&arena, method, space + 1, rest);
    arena_clear(&arena);
    return 0;
}
