/*
 * The bot that ours is measured against: what somebody would write by hand for this one purpose, on
 * libevent, libcurl and cJSON, with the settings that are best for them, without any durability, and
 * with the allocator that the host has, set up in the same way.
 * raw.c is the bot, raw_client.c its calls, raw_server.c its webhook.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>

struct raw;

/* A request; over when done(request, body, size, user) was called: NULL for a failure. */
struct request {
    char url[256];
    char *body; /* malloc'ed; NULL = GET */
    void (*done)(struct request *request, const char *body, size_t size, void *user);
    void *user;
    CURL *easy;
    char *answer;
    size_t answer_size, answer_capacity;
    struct slots *slots;
    STAILQ_ENTRY(request) link;
};

/* At most so many requests of a kind at once; the others wait here and not in curl. */
struct slots {
    unsigned count, taken;
    STAILQ_HEAD(, request) waiting;
};

/* One for each server: curl walks through all its connections whenever a request ends, until it finds
 * the one of that request. */
struct client {
    struct event_base *base;
    CURLM *multi;
    struct event timer;
    struct curl_slist *headers;
    CURL **idle;
    size_t idle_count, idle_capacity;
};

void client_init(struct client *client, struct event_base *base, unsigned connections);

/* Takes the request. */
void client_send(struct client *client, struct slots *slots, struct request *request);

/* Calls take(json, size, user) for each body that is posted with the secret, and answers 200. */
int server_start(struct event_base *base, int port, const char *secret,
                 void (*take)(const char *json, size_t size, void *user), void *user);

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
