#include "host/bot/media.h"

#include <stddef.h>

#include <aisha/aisha.h>

#include "host/bot/ctx.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"

struct media_kind {
    const char *name; /* as the Bot API has it */
    size_t offset;    /* of its pointer in struct aisha_reply */
    AISHA_ASYNC int (*send)(struct aisha_ctx *ctx, const struct media *media,
                            const struct aisha_message **ret_sent);
};

/* Each kind has a method and a params struct of its own, but the same fields. */
#define SENDER(kind)                                                                               \
    static AISHA_ASYNC int send_##kind(struct aisha_ctx *ctx, const struct media *media,           \
                                       const struct aisha_message **ret_sent)                      \
    {                                                                                              \
        return aisha_send_##kind(                                                                  \
            ctx, ret_sent, CTX_PLACE(ctx), .kind = media->file, .caption = media->caption,         \
            .parse_mode = media->is_html ? "HTML" : NULL, .reply_markup = media->markup,           \
            .reply_parameters = media->quote, .disable_notification = media->is_silent);           \
    }

SENDER(document)
SENDER(photo)
SENDER(video)
SENDER(animation)
SENDER(audio)

#define KIND(kind)                                                                                 \
    {                                                                                              \
#kind, offsetof(struct aisha_reply, kind), send_##kind                                     \
    }

static const struct media_kind kinds[] = {KIND(document), KIND(photo), KIND(video), KIND(animation),
                                          KIND(audio)};

/* The file, of this host's size. */
static const struct aisha_file *of_our_size(struct aisha_ctx *ctx, const struct aisha_file *given)
{
    struct aisha_file *file = arena_alloc(&ctx->arena, sizeof *file);

    sized_copy(file, sizeof *file, given);
    file->size = sizeof *file;
    return file;
}

int media_of(struct aisha_ctx *ctx, const struct aisha_reply *reply, struct media *ret_media)
{
    const struct aisha_file *file = NULL;

    ret_media->kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *place = (const char *)reply + kinds[i].offset;
        const struct aisha_file *given = *(const struct aisha_file *const *)(const void *)place;
        if (!given)
            continue;
        if (file)
            return aisha_fail(ctx, -AISHA_E_INVALID, "more than one file in a message");
        file = given;
        ret_media->kind = &kinds[i];
    }
    ret_media->file = file ? of_our_size(ctx, file) : NULL;
    return 0;
}

int media_send(struct aisha_ctx *ctx, const struct media *media,
               const struct aisha_message **ret_sent)
{
    return media->kind->send(ctx, media, ret_sent);
}

int media_replace(struct aisha_ctx *ctx, const struct media *media, int64_t message_id)
{
    const struct aisha_message *edited;

    return aisha_edit_message_media(
        ctx, &edited, .chat_id = ctx->chat_id, .message_id = message_id,
        .business_connection_id = ctx->business_connection_id,
        .inline_message_id = ctx_inline_message_id(ctx),
        .media =
            AISHA_OBJECT(input_media, .type = media->kind->name, .media = media->file,
                         .caption = media->caption, .parse_mode = media->is_html ? "HTML" : NULL),
        .reply_markup = media->markup);
}
