/*
 * store_fixture.h for tests of blobs: in a directory, or in S3 when AISHA_TEST_S3 is the URL of a
 * bucket, which each test finds empty.
 */
#pragma once

#include <stdbool.h>

#include "host/store/blob.h"
#include "tests/unit/store_fixture.h"

enum { MIB = 1024 * 1024 };

/* Of the test that runs. */
extern struct blob_store *blobs;
extern struct http_client *blob_http;

bool is_on_s3(void);

/* Runs the scenario with blobs open; several times in one test: what is there stays. The URL is
 * that of the environment, or another. */
void run_with_blobs(struct fixture *f, scenario *run);
void run_with_blobs_at(struct fixture *f, const char *url, scenario *run);

AISHA_ASYNC int put_text(const char *key, const char *text);

/* The text under key, or the error's. */
AISHA_ASYNC const char *get_text(struct fixture *f, const char *key);

#define CHECK_BLOB(f, key, text)                                                                   \
    check((f), strcmp(get_text((f), (key)), (text)) == 0, key, __FILE__, __LINE__)
#define CHECK_NO_BLOB(f, key)                                                                      \
    CHECK_INT((f), blob_head(blobs, &(f)->arena, (key), &(struct blob_info){0}), -AISHA_E_NOT_FOUND)

/* How many there are; in a directory files of any name, and those that others could read fail. */
AISHA_ASYNC unsigned count_blobs(struct fixture *f);

/* size bytes that follow from seed. */
char *pattern(struct fixture *f, size_t size, unsigned seed);
