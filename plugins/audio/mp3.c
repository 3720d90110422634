/*
 * The encoder wants frames of its own size: a queue between it and the caller cuts them. Its packets
 * one after the other already are an MP3 file.
 */
#include "mp3.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>

struct mp3 {
    int fd;
    AVCodecContext *codec;
    AVAudioFifo *queue;
    AVFrame *frame;
    AVPacket *packet;
};

static int open_codec(struct mp3 *mp3, int64_t bit_rate)
{
    const AVCodec *encoder = avcodec_find_encoder_by_name("libmp3lame");

    if (!encoder)
        return AVERROR_ENCODER_NOT_FOUND;
    mp3->codec = avcodec_alloc_context3(encoder);
    if (!mp3->codec)
        return AVERROR(ENOMEM);
    mp3->codec->sample_fmt = AV_SAMPLE_FMT_FLTP;
    mp3->codec->sample_rate = MP3_SAMPLE_RATE;
    mp3->codec->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    mp3->codec->time_base = (AVRational){1, MP3_SAMPLE_RATE};
    mp3->codec->bit_rate = bit_rate;
    mp3->codec->thread_count = 1;
    return avcodec_open2(mp3->codec, encoder, NULL);
}

int mp3_new(struct mp3 **ret_mp3, int fd, int64_t bit_rate)
{
    struct mp3 *mp3 = calloc(1, sizeof *mp3);

    if (!mp3)
        return AVERROR(ENOMEM);
    mp3->fd = fd;
    int r = open_codec(mp3, bit_rate);
    if (r < 0) {
        mp3_free(mp3);
        return r;
    }
    mp3->queue = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, 1, MP3_SAMPLE_RATE);
    mp3->frame = av_frame_alloc();
    mp3->packet = av_packet_alloc();
    if (!mp3->queue || !mp3->frame || !mp3->packet) {
        mp3_free(mp3);
        return AVERROR(ENOMEM);
    }
    *ret_mp3 = mp3;
    return 0;
}

void mp3_free(struct mp3 *mp3)
{
    if (!mp3)
        return;
    avcodec_free_context(&mp3->codec);
    if (mp3->queue)
        av_audio_fifo_free(mp3->queue);
    av_frame_free(&mp3->frame);
    av_packet_free(&mp3->packet);
    free(mp3);
}

static int write_packet(const struct mp3 *mp3)
{
    const uint8_t *bytes = mp3->packet->data;
    size_t left = (size_t)mp3->packet->size;

    while (left > 0) {
        ssize_t written = write(mp3->fd, bytes, left);
        if (written < 0 && errno != EINTR)
            return AVERROR(errno);
        if (written > 0) {
            bytes += written;
            left -= (size_t)written;
        }
    }
    return 0;
}

/* frame NULL is the end. */
static int encode(struct mp3 *mp3, const AVFrame *frame)
{
    int r = avcodec_send_frame(mp3->codec, frame);
    while (r >= 0) {
        r = avcodec_receive_packet(mp3->codec, mp3->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return 0;
        if (r == 0)
            r = write_packet(mp3);
        av_packet_unref(mp3->packet);
    }
    return r;
}

static int encode_queued(struct mp3 *mp3, int count)
{
    AVFrame *frame = mp3->frame;

    frame->format = mp3->codec->sample_fmt;
    frame->sample_rate = mp3->codec->sample_rate;
    frame->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    frame->nb_samples = count;
    int r = av_frame_get_buffer(frame, 0);
    if (r == 0)
        r = av_audio_fifo_read(mp3->queue, (void **)frame->extended_data, count);
    if (r >= 0)
        r = encode(mp3, frame);
    av_frame_unref(frame);
    return r;
}

int mp3_write(struct mp3 *mp3, float *samples, int count)
{
    void *planes[] = {samples};
    int r = av_audio_fifo_write(mp3->queue, planes, count);

    while (r >= 0 && av_audio_fifo_size(mp3->queue) >= mp3->codec->frame_size)
        r = encode_queued(mp3, mp3->codec->frame_size);
    return r < 0 ? r : 0;
}

int mp3_finish(struct mp3 *mp3)
{
    int left = av_audio_fifo_size(mp3->queue);
    int r = left > 0 ? encode_queued(mp3, left) : 0;

    return r < 0 ? r : encode(mp3, NULL);
}
