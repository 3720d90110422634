/*
 * Service "speech", version 1: a recording becomes text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>

struct aisha_speech_request {
    size_t size;
    const char *path;     /* an MP3, OGG, FLAC, M4A or WAV file; its ending says which */
    const char *language; /* ISO 639-1 when it is known */
    int64_t duration_ms;  /* as far as it is known: decides how long to wait */
    const char *prompt;   /* what was said before, or how names are spelled; in the same language */
    bool wants_segments;  /* when it matters which second a sentence belongs to */
};

struct aisha_speech_segment {
    int64_t start_ms, end_ms;
    const char *text;
    double confidence; /* 0 to 1; that there is speech at all, and of these words */
};

struct aisha_speech_result {
    size_t size;
    const char *text;
    const char *model;    /* who did it */
    const char *language; /* as the provider names it; NULL when it does not say */
    int64_t duration_ms;  /* what was billed; 0 = by tokens, or not told */
    int64_t input_tokens, output_tokens;
    const struct aisha_speech_segment *segments; /* not every model has them: then there are none */
    size_t segment_count;
};

/* What a provider fills in. */
struct aisha_speech_functions {
    size_t size;
    int (*transcribe)(struct aisha_ctx *ctx, const struct aisha_speech_result **ret_result,
                      const struct aisha_speech_request *request);
};

/*
 * Transcribes the recording; the result lives as long as ctx. -AISHA_E_INVALID when the provider
 * cannot read it, -AISHA_E_LIMIT when it is too large, -AISHA_E_DENIED when the operator has to act
 * (the key is refused, the account has no credit left); -AISHA_E_UPSTREAM, -AISHA_E_UNAVAILABLE and
 * -AISHA_E_TIMEOUT when a later try may work. What happened is in the log.
 */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_speech_transcribe_(struct aisha_ctx *ctx, const struct aisha_speech_result **ret_result,
                         const struct aisha_speech_request *request)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "speech", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_speech_functions *speech = call.functions;
    r = speech->transcribe(ctx, ret_result, request);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_speech_transcribe(ctx, ret_result, ...)                                              \
    aisha_speech_transcribe_((ctx), (ret_result),                                                  \
                             &(const struct aisha_speech_request){                                 \
                                 .size = sizeof(struct aisha_speech_request), __VA_ARGS__})
