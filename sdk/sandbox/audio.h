/*
 * Sound by libsndfile, for worker threads: what is in a file, and how it is stored as a voice note.
 * Files are read in blocks, so a long one needs little memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AUDIO_PHRASES = 64 };

struct audio_info {
    double seconds;
    unsigned phrases; /* stretches of sound with at least 300 ms of silence between them */
    double starts[AUDIO_PHRASES], ends[AUDIO_PHRASES]; /* of the first ones, in seconds */
    const char *format;                                /* "wav", "ogg", "mp3", "flac", or "other" */
};

/* Decodes all of it. -AISHA_E_INVALID when it cannot be decoded, -AISHA_E_LIMIT when longer than
 * four hours. */
int audio_inspect(const void *bytes, size_t size, struct audio_info *ret_info);

/*
 * Converts to OGG/Opus, mono, 48 kHz. The caller frees *ret_opus with free(). Errors as above, and
 * -ENOMEM.
 */
int audio_to_opus(const void *bytes, size_t size, void **ret_opus, size_t *ret_size,
                  double *ret_seconds);
