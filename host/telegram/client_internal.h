/*
 * What client.c, call.c and upload.c share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "host/telegram/client.h"

struct http_client;
struct loop;
struct outbound;
struct telegram_memory;
struct upload;

struct telegram {
    struct loop *loop;
    struct http_client *http;
    struct outbound *outbound;
    char *token;
    char *base; /* ends before the method: ".../bot<token>/" */
    char *file_base;
    bool is_local;                        /* see struct telegram_options */
    const struct telegram_memory *memory; /* NULL = none */
    void *memory_user;
    TAILQ_HEAD(, upload) uploading; /* blobs on their way to Telegram */
    uint64_t counts[TELEGRAM_OUTCOMES];
};
