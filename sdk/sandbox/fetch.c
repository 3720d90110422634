#include "sdk/sandbox/fetch.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_client.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"

enum { PHOTO_BYTES = 5 << 20, FILE_BYTES = 20 << 20, TIMEOUT_MS = 20000 };

bool fetch_is_url(const char *value)
{
    return value &&
           (strncasecmp(value, "http://", 7) == 0 || strncasecmp(value, "https://", 8) == 0);
}

static bool is_here(const char *url)
{
    return strncasecmp(url, "http://127.0.0.1:", 17) == 0 ||
           strncasecmp(url, "http://localhost:", 17) == 0;
}

/* The last part of the path. */
static const char *name_in(struct arena *arena, const char *url)
{
    size_t length = strcspn(url, "?#");
    size_t start = length;

    while (start > 0 && url[start - 1] != '/')
        start--;
    return start < length ? arena_strndup(arena, url + start, length - start) : "file";
}

/* What Telegram takes from an address, by kind; a type that ends with "/" stands for all of its kind. */
static bool is_type_of(const char *kind, const char *type)
{
    static const char *const types[][2] = {
        {"photo", "image/"},       {"document", "application/pdf"}, {"document", "application/zip"},
        {"document", "image/gif"}, {"animation", "image/gif"},      {"animation", "video/mp4"},
        {"video", "video/mp4"},    {"audio", "audio/mpeg"},         {"audio", "audio/mp4"},
        {"voice", "audio/ogg"},    {"sticker", "image/webp"},
    };

    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i][0], kind) == 0 &&
            strncasecmp(type, types[i][1], strlen(types[i][1])) == 0)
            return true;
    return false;
}

int fetch_upload(struct call *call, const char *kind, const char *url, struct upload *ret_upload)
{
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = url,
        .timeout_ms = TIMEOUT_MS,
        .max_body_bytes = strcmp(kind, "photo") == 0 ? PHOTO_BYTES : FILE_BYTES,
    };
    const struct aisha_http_response *answer;
    const char *error;

    if (!is_here(url))
        return call_refuse(call, "failed to get HTTP URL content");
    int r = http_client_fetch(call->sandbox->http, call->arena, &request, &answer, &error);
    if (r == -AISHA_E_CANCELED)
        return r;
    if (r < 0 || answer->status != 200)
        return call_refuse(call, "failed to get HTTP URL content");
    const char *type = aisha_http_header(answer, "content-type");
    if (!is_type_of(kind, type) || !answer->body_size)
        return call_refuse(call, "wrong type of the web page content");
    *ret_upload = (struct upload){.name = kind,
                                  .file_name = name_in(call->arena, url),
                                  .content_type = type,
                                  .bytes = answer->body,
                                  .size = answer->body_size};
    return 0;
}

/* What follows the comma of a data URL. */
static int decode_data(struct arena *arena, const char *url, size_t most, const void **ret_bytes,
                       size_t *ret_size)
{
    const char *comma = strchr(url, ','), *text = comma ? comma + 1 : "";
    size_t length = strlen(text);

    if (!comma || comma - url < 7 || strncasecmp(comma - 7, ";base64", 7) != 0 || length % 4)
        return -AISHA_E_INVALID;
    if (length / 4 * 3 > most + 2)
        return -AISHA_E_LIMIT;
    unsigned char *bytes = arena_alloc(arena, length / 4 * 3 + 1);
    int size = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (size < 0)
        return -AISHA_E_INVALID;
    for (size_t i = length; i > 0 && text[i - 1] == '=' && length - i < 2; i--)
        size--;
    *ret_bytes = bytes;
    *ret_size = (size_t)size;
    return 0;
}

int fetch_bytes(struct sandbox *sandbox, struct arena *arena, const char *url, size_t most,
                const void **ret_bytes, size_t *ret_size)
{
    const struct aisha_http_request request = {
        .size = sizeof request, .url = url, .timeout_ms = TIMEOUT_MS, .max_body_bytes = most};
    const struct aisha_http_response *answer;

    if (strncasecmp(url, "data:", 5) == 0)
        return decode_data(arena, url, most, ret_bytes, ret_size);
    if (!fetch_is_url(url))
        return -AISHA_E_INVALID;
    if (!is_here(url))
        return -AISHA_E_UNAVAILABLE;
    int r = http_client_fetch(sandbox->http, arena, &request, &answer, NULL);
    if (r == -AISHA_E_CANCELED || r == -AISHA_E_LIMIT)
        return r;
    if (r < 0 || answer->status != 200)
        return -AISHA_E_UNAVAILABLE;
    *ret_bytes = answer->body;
    *ret_size = answer->body_size;
    return 0;
}
