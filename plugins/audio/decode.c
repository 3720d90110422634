/*
 * The helper that reads what strangers send: any recording with sound becomes a small MP3 file that
 * every transcription service takes. It runs in a confined process and is the only code of the bot
 * that uses ffmpeg; formats and decoders are limited to those that phones and recorders write.
 *
 * args is the longest duration in seconds; the report is "duration_ms=N". Fails with
 * -AISHA_E_NOT_FOUND when there is no sound in the file, -AISHA_E_LIMIT when it is too long, and
 * -AISHA_E_INVALID when it is no recording or damaged beyond use.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#include <aisha/error.h>
#include <aisha/helper.h>

#include "mp3.h"

enum {
    MAX_CHANNELS = 32,
    MAX_SOURCE_RATE = 768000,
    IO_BUFFER_BYTES = 64 * 1024,
    /* Two hours and some in 24 MB, which is what services take. */
    BIT_RATE = 32000,
    BIT_RATE_LONG = 24000,
    LONG_S = 95 * 60,
};

static const char formats[] =
    "3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,"
    "mp4,ogg,tta,w64,wav,webm,wv";
static const char decoders[] =
    "aac,aac_fixed,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,"
    "amrnb,amrwb,ape,eac3,flac,g722,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,"
    "pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16be_planar,"
    "pcm_s16le,pcm_s16le_planar,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,speex,"
    "libspeex,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice";

struct conversion {
    struct aisha_helper *helper;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec;
    int stream;
    SwrContext *resampler;
    AVChannelLayout layout; /* what the resampler is made for */
    int sample_format, sample_rate;
    struct mp3 *mp3;
    int64_t samples, max_samples; /* written */
};

/* ---- the file ---- */

static int on_read(void *opaque, uint8_t *buffer, int size)
{
    const struct aisha_helper *helper = opaque;
    ssize_t count = read(helper->input_fd, buffer, (size_t)size);

    return count > 0 ? (int)count : count == 0 ? AVERROR_EOF : AVERROR(errno);
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    const struct aisha_helper *helper = opaque;

    if (whence & AVSEEK_SIZE) {
        off_t here = lseek(helper->input_fd, 0, SEEK_CUR);
        off_t size = lseek(helper->input_fd, 0, SEEK_END);
        return lseek(helper->input_fd, here, SEEK_SET) < 0 ? AVERROR(errno) : size;
    }
    off_t position = lseek(helper->input_fd, offset, whence & ~AVSEEK_FORCE);
    return position < 0 ? AVERROR(errno) : position;
}

/* A file that names other files, or addresses, gets none of them. */
static int on_open(AVFormatContext *format, AVIOContext **ret_io, const char *url, int flags,
                   AVDictionary **options)
{
    (void)format;
    (void)ret_io;
    (void)url;
    (void)flags;
    (void)options;
    return AVERROR(EACCES);
}

static int open_format(struct conversion *c)
{
    AVDictionary *options = NULL;
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);

    if (!buffer)
        return AVERROR(ENOMEM);
    c->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, c->helper, on_read, NULL, on_seek);
    if (!c->io) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    c->format = avformat_alloc_context();
    if (!c->format)
        return AVERROR(ENOMEM);
    c->format->pb = c->io;
    c->format->io_open = on_open;
    c->format->probesize = 4 << 20;
    c->format->max_analyze_duration = INT64_C(5) * AV_TIME_BASE;
    c->format->max_streams = 32;
    av_dict_set(&options, "format_whitelist", formats, 0);
    av_dict_set(&options, "codec_whitelist", decoders, 0);
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    int r = avformat_open_input(&c->format, NULL, NULL, &options);
    av_dict_free(&options);
    return r < 0 ? r : avformat_find_stream_info(c->format, NULL);
}

static int open_codec(struct conversion *c, const AVCodec *decoder)
{
    AVDictionary *options = NULL;
    const AVCodecParameters *parameters = c->format->streams[c->stream]->codecpar;

    c->codec = avcodec_alloc_context3(decoder);
    if (!c->codec)
        return AVERROR(ENOMEM);
    int r = avcodec_parameters_to_context(c->codec, parameters);
    if (r < 0)
        return r;
    c->codec->thread_count = 1;
    c->codec->pkt_timebase = c->format->streams[c->stream]->time_base;
    av_dict_set(&options, "codec_whitelist", decoders, 0);
    r = avcodec_open2(c->codec, decoder, &options);
    av_dict_free(&options);
    return r;
}

static int fail(struct conversion *c, int code, const char *what, int r)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";

    av_strerror(r, text, sizeof text);
    return aisha_helper_fail(c->helper, r == AVERROR(ENOMEM) ? -ENOMEM : code, "%s: %s", what,
                             text);
}

static int open_input(struct conversion *c)
{
    const AVCodec *decoder = NULL;

    int r = open_format(c);
    if (r < 0)
        return fail(c, -AISHA_E_INVALID, "not a recording", r);
    c->stream = av_find_best_stream(c->format, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0);
    if (c->stream < 0)
        return fail(c,
                    c->stream == AVERROR_DECODER_NOT_FOUND ? -AISHA_E_INVALID : -AISHA_E_NOT_FOUND,
                    "no sound to be found", c->stream);
    for (unsigned i = 0; i < c->format->nb_streams; i++)
        if ((int)i != c->stream)
            c->format->streams[i]->discard = AVDISCARD_ALL;
    const AVCodecParameters *parameters = c->format->streams[c->stream]->codecpar;
    if (parameters->ch_layout.nb_channels > MAX_CHANNELS ||
        parameters->sample_rate > MAX_SOURCE_RATE)
        return aisha_helper_fail(c->helper, -AISHA_E_INVALID, "%d channels at %d Hz",
                                 parameters->ch_layout.nb_channels, parameters->sample_rate);
    r = open_codec(c, decoder);
    return r < 0 ? fail(c, -AISHA_E_INVALID, "cannot be decoded", r) : 0;
}

static int open_output(struct conversion *c)
{
    int64_t max_s = strtoll(c->helper->args, NULL, 10);
    int64_t claimed = c->format->duration; /* AV_NOPTS_VALUE is negative */

    c->max_samples = max_s * MP3_SAMPLE_RATE;
    if (claimed > (max_s + 60) * AV_TIME_BASE)
        return aisha_helper_fail(c->helper, -AISHA_E_LIMIT, "%" PRId64 " s long",
                                 claimed / AV_TIME_BASE);
    bool is_long = claimed <= 0 || claimed > (int64_t)LONG_S * AV_TIME_BASE;
    int r = mp3_new(&c->mp3, c->helper->output_fd, is_long ? BIT_RATE_LONG : BIT_RATE);
    return r < 0 ? fail(c, -AISHA_E_INVALID, "MP3 encoder", r) : 0;
}

/* ---- the sound ---- */

/* Only the rate is the resampler's work; channels are averaged below, whatever their layout is. */
static int fit_resampler(struct conversion *c, const AVFrame *frame)
{
    if (c->resampler && frame->format == c->sample_format && frame->sample_rate == c->sample_rate &&
        av_channel_layout_compare(&frame->ch_layout, &c->layout) == 0)
        return 0;
    if (frame->ch_layout.nb_channels < 1 || frame->ch_layout.nb_channels > MAX_CHANNELS ||
        frame->sample_rate < 1 || frame->sample_rate > MAX_SOURCE_RATE)
        return AVERROR_INVALIDDATA;
    swr_free(&c->resampler);
    av_channel_layout_uninit(&c->layout);
    int r = av_channel_layout_copy(&c->layout, &frame->ch_layout);
    if (r < 0)
        return r;
    c->sample_format = frame->format;
    c->sample_rate = frame->sample_rate;
    r = swr_alloc_set_opts2(&c->resampler, &c->layout, AV_SAMPLE_FMT_FLTP, MP3_SAMPLE_RATE,
                            &c->layout, frame->format, frame->sample_rate, 0, NULL);
    return r < 0 ? r : swr_init(c->resampler);
}

static int write_mixed(struct conversion *c, float **planes, int count)
{
    int channels = c->layout.nb_channels;

    for (int channel = 1; channel < channels; channel++)
        for (int i = 0; i < count; i++)
            planes[0][i] += planes[channel][i];
    for (int i = 0; channels > 1 && i < count; i++)
        planes[0][i] /= (float)channels;
    for (int i = 0; i < count; i++) /* a decoder of floats can give anything, NaN included */
        planes[0][i] = planes[0][i] > -1 ? planes[0][i] < 1 ? planes[0][i] : 1 : -1;
    c->samples += count;
    if (c->samples > c->max_samples)
        return AVERROR(EFBIG);
    return mp3_write(c->mp3, planes[0], count);
}

/* frame NULL: what the resampler still holds. */
static int convert(struct conversion *c, const AVFrame *frame)
{
    uint8_t **planes = NULL;

    if (frame) {
        int r = fit_resampler(c, frame);
        if (r < 0)
            return r;
    }
    if (!c->resampler)
        return 0;
    int space = swr_get_out_samples(c->resampler, frame ? frame->nb_samples : 0);
    if (space <= 0)
        return space;
    int r = av_samples_alloc_array_and_samples(&planes, NULL, c->layout.nb_channels, space,
                                               AV_SAMPLE_FMT_FLTP, 0);
    if (r < 0)
        return r;
    const uint8_t **source = frame ? (void *)frame->extended_data : NULL;
    r = swr_convert(c->resampler, planes, space, source, frame ? frame->nb_samples : 0);
    if (r > 0)
        r = write_mixed(c, (float **)planes, r);
    av_freep(&planes[0]);
    av_freep(&planes);
    return r;
}

/* packet NULL is the end. A damaged packet is skipped, as players do. */
static int decode(struct conversion *c, const AVPacket *packet, AVFrame *frame)
{
    int r = avcodec_send_packet(c->codec, packet);
    if (r < 0)
        return r == AVERROR(ENOMEM) ? r : 0;
    for (;;) {
        r = avcodec_receive_frame(c->codec, frame);
        if (r < 0)
            return r == AVERROR(ENOMEM) ? r : 0;
        r = convert(c, frame);
        av_frame_unref(frame);
        if (r < 0 && r != AVERROR_INVALIDDATA)
            return r;
    }
}

static int decode_all(struct conversion *c, AVPacket *packet, AVFrame *frame)
{
    int r = 0;

    while (r >= 0 && av_read_frame(c->format, packet) >= 0) {
        if (packet->stream_index == c->stream)
            r = decode(c, packet, frame);
        av_packet_unref(packet);
    }
    if (r >= 0)
        r = decode(c, NULL, frame);
    if (r >= 0)
        r = convert(c, NULL);
    return r < 0 ? r : mp3_finish(c->mp3);
}

static int run(struct conversion *c)
{
    int r = open_input(c);
    if (r == 0)
        r = open_output(c);
    if (r < 0)
        return r;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    r = packet && frame ? decode_all(c, packet, frame) : AVERROR(ENOMEM);
    av_packet_free(&packet);
    av_frame_free(&frame);
    if (r == AVERROR(EFBIG))
        return aisha_helper_fail(c->helper, -AISHA_E_LIMIT, "longer than it may be");
    if (r < 0)
        return fail(c, -AISHA_E_INVALID, "conversion", r);
    if (c->samples == 0)
        return aisha_helper_fail(c->helper, -AISHA_E_INVALID, "nothing in it could be decoded");
    aisha_helper_report(c->helper, "duration_ms=%" PRId64, c->samples * 1000 / MP3_SAMPLE_RATE);
    return 0;
}

int aisha_helper_run(struct aisha_helper *helper)
{
    struct conversion c = {.helper = helper};

    av_log_set_level(AV_LOG_QUIET);
    int r = run(&c);
    mp3_free(c.mp3);
    swr_free(&c.resampler);
    av_channel_layout_uninit(&c.layout);
    avcodec_free_context(&c.codec);
    avformat_close_input(&c.format);
    if (c.io)
        av_freep(&c.io->buffer);
    avio_context_free(&c.io);
    return r;
}
