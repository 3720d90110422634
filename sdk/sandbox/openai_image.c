/*
 * Pictures that chats and moderations are given.
 */
#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "sdk/sandbox/fetch.h"
#include "sdk/sandbox/openai.h"
#include "sdk/sandbox/picture.h"
#include "sdk/sandbox/sandbox.h"

enum { LARGEST = 20 << 20 };

struct look {
    const void *bytes;
    size_t size;
    enum picture_result result;
    struct picture picture;
};

static int look(void *arg)
{
    struct look *look = arg;

    look->result = picture_read(look->bytes, look->size, 0, &look->picture);
    return 0;
}

bool openai_look(struct openai_call *call, const char *url, struct openai_image *ret_image)
{
    struct look looked = {.result = PICTURE_BROKEN};

    int r = fetch_bytes(call->sandbox, call->arena, url, LARGEST, &looked.bytes, &looked.size);
    if (r == -AISHA_E_CANCELED)
        return false;
    if (r == -AISHA_E_LIMIT)
        return openai_fail(call, 400, "url", "image_too_large", "The image is too large.");
    if (r == -AISHA_E_INVALID)
        return openai_fail(call, 400, "url", "invalid_base64", "Invalid base64 image_url.");
    if (r < 0)
        return openai_fail(call, 400, "url", "invalid_image_url",
                           "Error while downloading the image.");
    if (workers_run(call->sandbox->workers, look, &looked) < 0 || looked.result != PICTURE_FINE)
        return openai_fail(call, 400, NULL, "invalid_image_format",
                           "You uploaded an unsupported image. Please make sure your image has one "
                           "of the following formats: ['png', 'jpeg', 'gif', 'webp'].");
    *ret_image = (struct openai_image){url, looked.picture.width, looked.picture.height,
                                       looked.picture.magenta};
    return true;
}
