#include "sdk/sandbox/audio.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include <aisha/error.h>

enum {
    BLOCK_FRAMES = 4096,
    OPUS_RATE = 48000,
    LONGEST_SECONDS = 4 * 3600,
    LARGEST_OPUS = 64 * 1024 * 1024,
    WINDOW_MS = 30,
    SILENCE_MS = 300,
};

static const double silence_level = 0.01; /* RMS, of full scale 1 */

/* A file in memory. */
struct memory {
    unsigned char *bytes;
    size_t size, capacity, position;
};

static sf_count_t memory_size(void *user)
{
    return (sf_count_t)((struct memory *)user)->size;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
    struct memory *memory = user;
    sf_count_t from = whence == SEEK_CUR   ? (sf_count_t)memory->position
                      : whence == SEEK_END ? (sf_count_t)memory->size
                                           : 0;

    if (from + offset < 0 || from + offset > (sf_count_t)memory->size)
        return -1;
    memory->position = (size_t)(from + offset);
    return from + offset;
}

static sf_count_t memory_read(void *data, sf_count_t count, void *user)
{
    struct memory *memory = user;
    size_t left = memory->size - memory->position;
    size_t size = (size_t)count < left ? (size_t)count : left;

    memcpy(data, memory->bytes + memory->position, size);
    memory->position += size;
    return (sf_count_t)size;
}

static sf_count_t memory_write(const void *data, sf_count_t count, void *user)
{
    struct memory *memory = user;
    size_t end = memory->position + (size_t)count;

    if (end > LARGEST_OPUS)
        return 0;
    if (end > memory->capacity) {
        size_t capacity = end * 2;
        unsigned char *bytes = realloc(memory->bytes, capacity);
        if (!bytes)
            return 0;
        memory->bytes = bytes;
        memory->capacity = capacity;
    }
    memcpy(memory->bytes + memory->position, data, (size_t)count);
    memory->position = end;
    if (end > memory->size)
        memory->size = end;
    return count;
}

static sf_count_t memory_tell(void *user)
{
    return (sf_count_t)((struct memory *)user)->position;
}

static SF_VIRTUAL_IO memory_io = {memory_size, memory_seek, memory_read, memory_write, memory_tell};

/* A file that is read block by block, mixed to mono. */
struct source {
    SNDFILE *file;
    SF_INFO info;
    struct memory memory;
    float *interleaved;
    float mono[BLOCK_FRAMES];
    sf_count_t frames; /* read so far */
};

static void source_close(struct source *source)
{
    if (source->file)
        sf_close(source->file);
    free(source->interleaved);
    free(source);
}

static int source_open(struct source **ret_source, const void *bytes, size_t size)
{
    struct source *source = calloc(1, sizeof *source);

    if (!source)
        return -ENOMEM;
    memcpy(&source->memory.bytes, &bytes, sizeof bytes); /* only read: no write in SFM_READ */
    source->memory.size = size;
    source->file = sf_open_virtual(&memory_io, SFM_READ, &source->info, &source->memory);
    if (!source->file || source->info.channels < 1 || source->info.samplerate < 1) {
        source_close(source);
        return -AISHA_E_INVALID;
    }
    source->interleaved =
        calloc((size_t)source->info.channels * BLOCK_FRAMES, sizeof *source->interleaved);
    if (!source->interleaved) {
        source_close(source);
        return -ENOMEM;
    }
    *ret_source = source;
    return 0;
}

/* The next frames in source->mono; 0 at the end. */
static int source_read(struct source *source, size_t *ret_frames)
{
    int channels = source->info.channels;
    sf_count_t count = sf_readf_float(source->file, source->interleaved, BLOCK_FRAMES);

    for (sf_count_t i = 0; i < count; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++)
            sum += source->interleaved[i * channels + c];
        source->mono[i] = isfinite(sum) ? sum / (float)channels : 0;
    }
    source->frames += count > 0 ? count : 0;
    if (source->frames > (sf_count_t)LONGEST_SECONDS * source->info.samplerate)
        return -AISHA_E_LIMIT;
    *ret_frames = count > 0 ? (size_t)count : 0;
    return 0;
}

/* Sound and silence by the energy of short windows. */
struct meter {
    size_t window, filled;
    double energy;
    size_t silent_windows, enough;
    bool is_speaking;
    double seconds, window_seconds;
    struct audio_info *info; /* gets the phrases */
};

static void meter_add(struct meter *meter, float sample)
{
    meter->energy += (double)sample * sample;
    if (++meter->filled < meter->window)
        return;
    bool is_sound = sqrt(meter->energy / (double)meter->window) >= silence_level;
    meter->energy = 0;
    meter->filled = 0;
    struct audio_info *info = meter->info;
    double start = meter->seconds;
    meter->seconds += meter->window_seconds;
    if (is_sound) {
        if (!meter->is_speaking && info->phrases++ < AUDIO_PHRASES)
            info->starts[info->phrases - 1] = start;
        if (info->phrases <= AUDIO_PHRASES)
            info->ends[info->phrases - 1] = meter->seconds;
        meter->is_speaking = true;
        meter->silent_windows = 0;
    } else if (++meter->silent_windows >= meter->enough) {
        meter->is_speaking = false;
    }
}

static const char *format_name(int format)
{
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
        return "wav";
    case SF_FORMAT_OGG:
        return "ogg";
    case SF_FORMAT_MPEG:
        return "mp3";
    case SF_FORMAT_FLAC:
        return "flac";
    default:
        return "other";
    }
}

int audio_inspect(const void *bytes, size_t size, struct audio_info *ret_info)
{
    struct meter meter = {.enough = SILENCE_MS / WINDOW_MS, .info = ret_info};
    struct source *source;
    size_t frames;

    int r = source_open(&source, bytes, size);
    if (r < 0)
        return r;
    *ret_info = (struct audio_info){0};
    meter.window = (size_t)source->info.samplerate * WINDOW_MS / 1000 + 1;
    meter.window_seconds = (double)meter.window / source->info.samplerate;
    while ((r = source_read(source, &frames)) == 0 && frames)
        for (size_t i = 0; i < frames; i++)
            meter_add(&meter, source->mono[i]);
    if (r == 0) {
        ret_info->seconds = (double)source->frames / source->info.samplerate;
        ret_info->format = format_name(source->info.format);
    }
    source_close(source);
    return r;
}

/* Linear interpolation from one rate to 48 kHz; good enough for speech. */
struct resampler {
    double step;     /* source frames for each frame out */
    double position; /* of the next frame out, after `last` */
    float last;
    float out[BLOCK_FRAMES];
    size_t count;
};

static bool resampler_flush(struct resampler *resampler, SNDFILE *file)
{
    sf_count_t count = (sf_count_t)resampler->count;

    resampler->count = 0;
    return !count || sf_writef_float(file, resampler->out, count) == count;
}

static bool resampler_add(struct resampler *resampler, SNDFILE *file, float sample)
{
    while (resampler->position < 1) {
        float at = (float)resampler->position;
        resampler->out[resampler->count++] = resampler->last + (sample - resampler->last) * at;
        resampler->position += resampler->step;
        if (resampler->count == BLOCK_FRAMES && !resampler_flush(resampler, file))
            return false;
    }
    resampler->position -= 1;
    resampler->last = sample;
    return true;
}

static int convert(struct source *source, SNDFILE *file)
{
    struct resampler *resampler = calloc(1, sizeof *resampler);
    bool is_written = true;
    size_t frames;
    int r;

    if (!resampler)
        return -ENOMEM;
    resampler->step = (double)source->info.samplerate / OPUS_RATE;
    while ((r = source_read(source, &frames)) == 0 && frames && is_written)
        for (size_t i = 0; i < frames && is_written; i++)
            is_written = resampler_add(resampler, file, source->mono[i]);
    is_written = is_written && resampler_flush(resampler, file);
    free(resampler);
    return r == 0 && !is_written ? -AISHA_E_LIMIT : r;
}

int audio_to_opus(const void *bytes, size_t size, void **ret_opus, size_t *ret_size,
                  double *ret_seconds)
{
    SF_INFO info = {
        .samplerate = OPUS_RATE, .channels = 1, .format = SF_FORMAT_OGG | SF_FORMAT_OPUS};
    struct memory memory = {0};
    struct source *source;

    int r = source_open(&source, bytes, size);
    if (r < 0)
        return r;
    SNDFILE *file = sf_open_virtual(&memory_io, SFM_WRITE, &info, &memory);
    r = file ? convert(source, file) : -ENOMEM;
    if (file)
        sf_close(file);
    if (r == 0 && !source->frames)
        r = -AISHA_E_INVALID;
    if (r == 0) {
        *ret_opus = memory.bytes;
        *ret_size = memory.size;
        *ret_seconds = (double)source->frames / source->info.samplerate;
    } else {
        free(memory.bytes);
    }
    source_close(source);
    return r;
}
