/*
 * The audio plugin's decoder in its helper process: recordings of all kinds become MP3, and what is
 * no recording becomes an error that says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>

#include <aisha/error.h>

#include "host/bot/helper_process.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/helper.h"

struct fixture {
    struct loop *loop;
    struct helper_pool *pool;
    struct arena arena;
    char directory[64];
    const char *input, *output;
    const char *max_s;
    const struct aisha_helper_result *result;
    int r;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->directory, "/tmp/aisha-decode-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->input = arena_printf(&f->arena, "%s/in", f->directory);
    f->output = arena_printf(&f->arena, "%s/out.mp3", f->directory);
    f->max_s = "600";
    assert_int_equal(loop_new(&f->loop, &(struct loop_options){.max_tasks = 4}), 0);
    assert_int_equal(helper_pool_new(&f->pool, f->loop, "/proc/self/exe"), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    helper_pool_free(f->pool);
    loop_free(f->loop);
    unlink(f->input);
    unlink(f->output);
    assert_int_equal(rmdir(f->directory), 0);
    arena_clear(&f->arena);
    free(f);
    return 0;
}

static void task_run(void *arg)
{
    struct fixture *f = arg;
    const struct aisha_helper_request request = {
        .size = sizeof request,
        .args = f->max_s,
        .input_path = f->input,
        .output_path = f->output,
        .timeout_ms = 60000,
    };

    f->r = helper_process_run(f->pool, &f->arena, AUDIO_DECODE, "", &request, &f->result);
    loop_stop(f->loop);
}

static void decode(struct fixture *f)
{
    assert_int_equal(task_start(f->loop, "decode", task_run, f, NULL), 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_non_null(f->result);
    if (f->r < 0)
        assert_int_equal(access(f->output, F_OK), -1);
}

static void write_input(struct fixture *f, const void *bytes, size_t size)
{
    FILE *file = fopen(f->input, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* A tone of that many seconds, with silence in all channels but the last. */
static void write_tone(struct fixture *f, int format, int rate, int channels, int seconds)
{
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(f->input, SFM_WRITE, &info);
    float *block = calloc((size_t)rate * (size_t)channels, sizeof *block);

    assert_non_null(file);
    for (int i = 0; i < rate; i++)
        block[i * channels + channels - 1] = 0.9f * sinf(6.2831853f * 440 * (float)i / (float)rate);
    for (int second = 0; second < seconds; second++)
        assert_int_equal(sf_writef_float(file, block, rate), rate);
    assert_int_equal(sf_close(file), 0);
    free(block);
}

static void assert_decodes(struct fixture *f, int seconds, int channels)
{
    SF_INFO info = {0};
    double sum = 0;

    decode(f);
    assert_string_equal(f->result->error, "");
    assert_int_equal(f->r, 0);
    int64_t duration_ms = 0;
    assert_int_equal(sscanf(f->result->report, "duration_ms=%" SCNd64, &duration_ms), 1);
    assert_in_range(duration_ms, seconds * 1000 - 100, seconds * 1000 + 200);
    SNDFILE *file = sf_open(f->output, SFM_READ, &info);
    assert_non_null(file);
    assert_int_equal(info.format & SF_FORMAT_TYPEMASK, SF_FORMAT_MPEG);
    assert_int_equal(info.samplerate, 16000);
    assert_int_equal(info.channels, 1);
    assert_in_range(info.frames, seconds * 16000 - 4000, seconds * 16000 + 4000);
    float *samples = malloc((size_t)info.frames * sizeof *samples);
    assert_int_equal(sf_readf_float(file, samples, info.frames), info.frames);
    for (int64_t i = 0; i < info.frames; i++)
        sum += (double)samples[i] * samples[i];
    free(samples);
    sf_close(file);
    /* The tone, weakened by the silence of the other channels. */
    double rms = sqrt(sum / (double)info.frames) * channels;
    assert_true(rms > 0.5 && rms < 0.75);
}

static void assert_refused(struct fixture *f, int r)
{
    decode(f);
    assert_int_equal(f->r, r);
    assert_string_not_equal(f->result->error, "");
}

/* ---- recordings ---- */

static void a_voice_note_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, 3);
    assert_decodes(*state, 3, 1);
}

static void wav_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 2);
    assert_decodes(*state, 2, 2);
}

static void telephone_sound_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, 2);
    assert_decodes(*state, 2, 1);
}

static void flac_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 2, 2);
    assert_decodes(*state, 2, 2);
}

static void vorbis_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_OGG | SF_FORMAT_VORBIS, 22050, 1, 2);
    assert_decodes(*state, 2, 1);
}

static void mp3_becomes_mp3(void **state)
{
    write_tone(*state, SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2, 2);
    assert_decodes(*state, 2, 2);
}

static void all_of_many_channels_are_heard(void **state)
{
    write_tone(*state, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 11, 2);
    assert_decodes(*state, 2, 11);
}

static void half_an_hour_is_small(void **state)
{
    struct fixture *f = *state;

    f->max_s = "1900";
    write_tone(f, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 8000, 1, 1800);
    decode(f);
    assert_int_equal(f->r, 0);
    assert_in_range(f->result->output_size, 7000000, 7300000);
}

static void a_truncated_recording_gives_what_there_is(void **state)
{
    struct fixture *f = *state;

    write_tone(f, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 4);
    assert_int_equal(truncate(f->input, 64000 + 44), 0);
    assert_decodes(f, 2, 1);
}

/* ---- limits ---- */

static void a_longer_recording_is_refused(void **state)
{
    struct fixture *f = *state;

    f->max_s = "2";
    write_tone(f, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 3);
    assert_refused(f, -AISHA_E_LIMIT);
}

static void a_much_longer_recording_is_refused_by_its_header(void **state)
{
    struct fixture *f = *state;

    f->max_s = "2";
    write_tone(f, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 300);
    assert_refused(f, -AISHA_E_LIMIT);
}

/* ---- no recordings ---- */

static void put(unsigned char *at, unsigned value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static void write_wav_header(struct fixture *f, unsigned channels, unsigned rate, unsigned size)
{
    unsigned char wav[4044] = "RIFF....WAVEfmt ";

    put(wav + 4, size, 4);
    put(wav + 16, 16, 4);
    put(wav + 20, 1, 2);
    put(wav + 22, channels, 2);
    put(wav + 24, rate, 4);
    put(wav + 28, rate * channels * 2, 4);
    put(wav + 32, channels * 2, 2);
    put(wav + 34, 16, 2);
    memcpy(wav + 36, "data", 4);
    put(wav + 40, size, 4);
    write_input(f, wav, sizeof wav);
}

static void an_empty_file_is_refused(void **state)
{
    write_input(*state, "", 0);
    assert_refused(*state, -AISHA_E_INVALID);
}

static void text_is_refused(void **state)
{
    static char text[20000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "This is no music at all.\n"[i % 25];
    write_input(*state, text, sizeof text);
    assert_refused(*state, -AISHA_E_INVALID);
}

static void random_bytes_are_refused(void **state)
{
    static unsigned char bytes[100000];
    uint32_t x = 7;

    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(x >> 24);
    }
    write_input(*state, bytes, sizeof bytes);
    assert_refused(*state, -AISHA_E_INVALID);
}

static void a_broken_voice_note_is_refused(void **state)
{
    struct fixture *f = *state;

    write_tone(f, SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, 1);
    assert_int_equal(truncate(f->input, 60), 0);
    assert_refused(f, -AISHA_E_INVALID);
}

static void a_hundred_channels_are_refused(void **state)
{
    write_wav_header(*state, 100, 48000, 4000);
    assert_refused(*state, -AISHA_E_INVALID);
}

static void a_header_of_four_gigabytes_gives_what_there_is(void **state)
{
    struct fixture *f = *state;

    write_wav_header(f, 1, 16000, 0xffffff00);
    decode(f);
    assert_int_equal(f->r, 0);
    assert_string_equal(f->result->report, "duration_ms=125");
}

static void a_header_of_nonsense_is_refused(void **state)
{
    write_wav_header(*state, 0, 0, 0);
    assert_refused(*state, -AISHA_E_INVALID);
}

static void a_list_of_other_files_is_refused(void **state)
{
    static const char playlist[] = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
                                   "file:///etc/passwd\n#EXT-X-ENDLIST\n";
    write_input(*state, playlist, sizeof playlist - 1);
    assert_refused(*state, -AISHA_E_INVALID);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_voice_note_becomes_mp3),
        TEST(wav_becomes_mp3),
        TEST(telephone_sound_becomes_mp3),
        TEST(flac_becomes_mp3),
        TEST(vorbis_becomes_mp3),
        TEST(mp3_becomes_mp3),
        TEST(all_of_many_channels_are_heard),
        TEST(half_an_hour_is_small),
        TEST(a_truncated_recording_gives_what_there_is),
        TEST(a_longer_recording_is_refused),
        TEST(a_much_longer_recording_is_refused_by_its_header),
        TEST(an_empty_file_is_refused),
        TEST(text_is_refused),
        TEST(random_bytes_are_refused),
        TEST(a_broken_voice_note_is_refused),
        TEST(a_hundred_channels_are_refused),
        TEST(a_header_of_four_gigabytes_gives_what_there_is),
        TEST(a_header_of_nonsense_is_refused),
        TEST(a_list_of_other_files_is_refused),
    };

    if (argc > 1 && strcmp(argv[1], "helper") == 0)
        return helper_main(argc - 1, argv + 1);
    return cmocka_run_group_tests_name("audio_decode", tests, NULL, NULL);
}
