/*
 * aisha.ini as a typed struct. Every key has a default but the token; an unknown one is a problem.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

#include "host/bot/ini.h"
#include "host/bot/problem.h"
#include "host/core/arena.h"

struct catalogue;

struct config {
    struct {
        const char *key_file; /* with the key for enc: values, or "" */
    } secrets;

    struct {
        const char *token;   /* "digits:secret" */
        const char *api_url; /* without a slash at its end */
        const char *mode;    /* polling, webhook */
        bool is_local;       /* a Bot API server on this machine */
        bool is_webhook;
        const char *webhook_secret;      /* "" = a random one, kept in the database */
        const char *webhook_certificate; /* path of a self-signed one, or "" */
        int64_t webhook_connections;
    } telegram;

    struct {
        const char *url; /* sqlite:PATH */
    } database;

    struct {
        const char *url; /* redis://…; "" = none */
    } redis;

    struct {
        const char *url;        /* file:PATH or s3+http(s)://… */
        const char *public_url; /* of S3, as others reach it; may be "" */
        const char *cdn_url;    /* before the keys of what everybody may see; may be "" */
    } blob;

    struct {
        int64_t slots;          /* outgoing connections per host */
        const char *listen;     /* address:port of our own server */
        const char *public_url; /* how the outside reaches it, without a slash at its end; or "" */
        const char *metrics_token; /* for GET /metrics from elsewhere; "" = nobody */
    } http;

    struct {
        int64_t rate;       /* messages per second over all chats; 0 = no limit */
        int64_t chat_rate;  /* the same for one private chat */
        int64_t group_rate; /* messages in a minute for one group */
    } outbound;

    struct {
        int64_t messages;       /* that a handler may send for one update */
        int64_t memory_mb;      /* that it may take */
        int64_t max_in_flight;  /* handlers at once */
        int64_t max_pending;    /* updates taken and not done */
        int64_t slow_handler_s; /* when one is warned about */
    } limits;

    struct {
        const char *ids_text; /* as written */
        const int64_t *ids;
        size_t id_count;
    } admin;

    struct {
        const char *texts;                 /* directory with ru.json and en.json, or "" */
        const struct catalogue *catalogue; /* what is in it; NULL without */
    } profile;

    struct {
        const char *level;  /* debug, info, warn, error */
        const char *format; /* text, json */
    } log;

    struct {
        const char *directory; /* of NAME/NAME.so; "" = ../plugins beside the host's binary */
    } plugins;
};

/*
 * Reads path. -AISHA_E_INVALID when problems were added; ret is then not to be used. The arena owns
 * the texts. env as for ini_load(); it gets the master key.
 */
AISHA_CHECKED int config_load(struct arena *arena, struct env *env, const char *path,
                              struct config *ret, struct problems *problems);

/* Reads only the master key, of the environment or of what the file says; NULL when there is none,
 * with a problem when it is not usable. */
const struct master_key *config_master_key(struct arena *arena, struct env *env, const char *path,
                                           struct problems *problems);
