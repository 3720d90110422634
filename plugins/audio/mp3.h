/*
 * Writes speech as MP3: mono, 16 kHz, constant bit rate.
 */
#pragma once

#include <stdint.h>

enum { MP3_SAMPLE_RATE = 16000 };

struct mp3;

/* Writes to fd, borrowed. Negative AVERROR codes, here and below. */
int mp3_new(struct mp3 **ret_mp3, int fd, int64_t bit_rate);

/* NULL is fine. */
void mp3_free(struct mp3 *mp3);

/* Samples between -1 and 1. */
int mp3_write(struct mp3 *mp3, float *samples, int count);

/* Writes what is still held back. */
int mp3_finish(struct mp3 *mp3);
