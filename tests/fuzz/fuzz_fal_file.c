/*
 * The head of a picture, or weights, as the provider or a person sends them.
 */
#include <assert.h>

#include "plugins/fal/image_header.h"
#include "plugins/fal/weights.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_header header;

    if (image_header_read(data, size, &header)) {
        assert(header.content_type && header.ending);
        assert(header.width > 0 && header.height > 0);
        assert(header.width <= UINT32_MAX && header.height <= UINT32_MAX);
    }
    if (weights_are_whole(data, size))
        assert(size > 16 && data[8] == '{');
    return 0;
}
