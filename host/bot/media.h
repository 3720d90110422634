/*
 * Messages with a file: which kinds there are, how each is sent and put in another's place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/reply.h>

struct aisha_ctx;
struct aisha_message;
struct aisha_reply_markup;
struct aisha_reply_parameters;

struct media_kind;

/* A message with a file, ready to be sent. */
struct media {
    const struct media_kind *kind; /* NULL = no file */
    const struct aisha_file *file;
    const char *caption; /* or NULL */
    bool is_html;
    const struct aisha_reply_markup *markup;
    const struct aisha_reply_parameters *quote; /* when it is sent anew */
    int8_t is_silent;
};

/*
 * Finds the file of a reply, of this host's size, and fills .kind and .file.
 * -AISHA_E_INVALID for more than one file.
 */
AISHA_CHECKED int media_of(struct aisha_ctx *ctx, const struct aisha_reply *reply,
                           struct media *ret_media);

AISHA_ASYNC AISHA_CHECKED int media_send(struct aisha_ctx *ctx, const struct media *media,
                                         const struct aisha_message **ret_sent);

/* Puts it in the place of the message, whether that is a text or media. */
AISHA_ASYNC AISHA_CHECKED int media_replace(struct aisha_ctx *ctx, const struct media *media,
                                            int64_t message_id);
