/*
 * A file to send: exactly one source is set.
 *
 * Where the Bot API takes a file, a plugin gives a struct aisha_file and the host decides between
 * text and upload. What it points to has to live until the call returns.
 */
#pragma once

#include <stddef.h>

struct aisha_file {
    size_t size;           /* sizeof(struct aisha_file) */
    const char *id_or_url; /* a file_id that Telegram knows, or an HTTP address it downloads from */
    const char *path;      /* a file of the plugin's */
    const void *bytes;
    size_t bytes_size;
    const char *file_name; /* what the receiver sees; optional */
    const char *mime_type; /* optional */
    const char *blob;      /* a key as in <aisha/blob.h>: uploaded once, then sent by its file_id */
};

/* For one argument of a call: AISHA_FILE(.path = "cat.png"). Lives as long as its block. */
#define AISHA_FILE(...) (&(const struct aisha_file){__VA_ARGS__, .size = sizeof(struct aisha_file)})
