/*
 * What fal.ai sends, read: signatures, answers, addresses, and the heads of files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/config.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "plugins/fal/image_header.h"
#include "plugins/fal/reply.h"
#include "plugins/fal/signature.h"

/* ---- signatures ---- */

/* Made with another implementation, from the private seed 00 01 … 1f. */
static const char key[] = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";
static const char body[] =
    "{\"request_id\":\"11111111-2222-3333-4444-555555555555\",\"gateway_request_id\":"
    "\"11111111-2222-3333-4444-555555555555\",\"status\":\"OK\",\"payload\":{\"images\":[{\"url\":"
    "\"https://v3.fal.media/files/x/y.jpg\",\"width\":512,\"height\":512,\"content_type\":"
    "\"image/jpeg\"}],\"seed\":196619188014358660}}";
static const struct signature good = {
    .request_id = "11111111-2222-3333-4444-555555555555",
    .user_id = "user-1",
    .timestamp = "1767268800",
    .hex =
        "705cd0dfb0d3e7c5fdc3bf8c68cc693b35bc213a490b05191ed06beaad11f73e0f5249780d87bfe160b31b85"
        "159b51a14074a3b1edc488e4d88b936eb9b02902",
};

enum { THEN = 1767268800 };

static enum signature_fault check(struct signature signature, const char *text, int64_t now)
{
    struct signature_keys keys = {.count = 0};

    assert_true(
        signature_add_key(&keys, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")); /* another's */
    assert_true(signature_add_key(&keys, key));
    return signature_check(&signature, &keys, text, strlen(text), now);
}

static void a_true_signature_is_accepted_for_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(strlen(body), 274);
    assert_int_equal(check(good, body, THEN), SIGNATURE_GOOD);
    assert_int_equal(check(good, body, THEN + 300), SIGNATURE_GOOD);
    assert_int_equal(check(good, body, THEN - 300), SIGNATURE_GOOD);
    assert_int_equal(check(good, body, THEN + 301), SIGNATURE_OLD);
    assert_int_equal(check(good, body, THEN - 301), SIGNATURE_OLD);
}

static void whatever_is_changed_makes_it_wrong(void **state)
{
    struct signature changed = good;
    char text[sizeof body];

    (void)state;
    memcpy(text, body, sizeof body);
    for (size_t i = 0; i < strlen(body); i++) {
        text[i] ^= 1;
        assert_int_equal(check(good, text, THEN), SIGNATURE_WRONG);
        text[i] ^= 1;
    }
    changed.user_id = "user-2";
    assert_int_equal(check(changed, body, THEN), SIGNATURE_WRONG);
    changed = good;
    changed.request_id = "21111111-2222-3333-4444-555555555555";
    assert_int_equal(check(changed, body, THEN), SIGNATURE_WRONG);
    changed = good;
    changed.timestamp = "1767268801";
    assert_int_equal(check(changed, body, THEN), SIGNATURE_WRONG);
    const struct signature_keys none = {.count = 0};
    assert_int_equal(signature_check(&good, &none, body, strlen(body), THEN), SIGNATURE_WRONG);
}

static void odd_headers_are_told_apart(void **state)
{
    static const char *const times[] = {"", "x", "-1", "1767268800 ", "17672688000000000", "1e9"};
    struct signature changed = good;
    char hex[129], longest[400];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        changed.timestamp = times[i];
        assert_in_range(check(changed, body, THEN), SIGNATURE_ODD, SIGNATURE_OLD);
    }
    changed = good;
    changed.hex = NULL;
    assert_int_equal(check(changed, body, THEN), SIGNATURE_MISSING);
    changed.hex = "70";
    assert_int_equal(check(changed, body, THEN), SIGNATURE_ODD);
    snprintf(hex, sizeof hex, "%.127sg", good.hex);
    changed.hex = hex;
    assert_int_equal(check(changed, body, THEN), SIGNATURE_ODD);
    changed = good;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    changed.user_id = longest;
    assert_int_equal(check(changed, body, THEN), SIGNATURE_ODD);
}

static void keys_are_read_or_refused(void **state)
{
    static const char *const odd[] = {NULL, "", "A6EH",
                                      "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
                                      "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbgA"};
    struct signature_keys keys = {.count = 0};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_false(signature_add_key(&keys, odd[i]));
    assert_int_equal(keys.count, 0);
    for (size_t i = 0; i < SIGNATURE_KEYS_MOST; i++)
        assert_true(signature_add_key(&keys, key));
    assert_false(signature_add_key(&keys, key));
    assert_int_equal(keys.keys[0][0], 0x03);
    assert_int_equal(keys.keys[0][31], 0xb8);
}

/* ---- answers ---- */

static struct config config = {.limits.memory_mb = 64};
static struct bot bot = {.config = &config};

static const struct aisha_json *parse(struct aisha_ctx *ctx, const char *text)
{
    const struct aisha_json *json = aisha_json_parse(ctx, text, strlen(text));

    assert_non_null(json);
    return json;
}

static void errors_become_causes(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum aisha_cause cause;
    } cases[] = {
        {422,
         "{\"detail\":[{\"loc\":[\"body\",\"prompt\"],\"type\":\"content_policy_violation\"}]}",
         AISHA_CAUSE_CONTENT_POLICY},
        {422, "{\"detail\":[{\"type\":\"face_detection_error\"}]}", AISHA_CAUSE_NO_FACE},
        {422, "{\"detail\":[{\"type\":\"image_too_small\"}]}", AISHA_CAUSE_BAD_IMAGE},
        {422, "{\"detail\":[{\"type\":\"file_download_error\"}]}", AISHA_CAUSE_BAD_IMAGE},
        {422, "{\"detail\":[{\"type\":\"unsupported_archive_format\"}]}", AISHA_CAUSE_BAD_IMAGE},
        {422, "{\"detail\":[{\"type\":\"missing\"}]}", AISHA_CAUSE_OURS},
        {422, "{\"detail\":[{\"type\":\"less_than_equal\"}]}", AISHA_CAUSE_OURS},
        {500, "{\"detail\":[{\"type\":\"internal_server_error\"}]}", AISHA_CAUSE_PROVIDER},
        {503, "{\"detail\":\"x\",\"error_type\":\"runner_connection_error\"}",
         AISHA_CAUSE_PROVIDER},
        {504, "{\"detail\":\"x\",\"error_type\":\"request_timeout\"}", AISHA_CAUSE_PROVIDER},
        {400, "{\"detail\":\"x\",\"error_type\":\"bad_request\"}", AISHA_CAUSE_OURS},
        {401, "{\"detail\":\"Cannot access application\"}", AISHA_CAUSE_OURS},
        {403, "{\"detail\":\"User is locked. Reason: Exhausted balance. Top up\"}",
         AISHA_CAUSE_OUT_OF_FUNDS},
        {402, "{}", AISHA_CAUSE_OUT_OF_FUNDS},
        {403, "{\"detail\":\"blocked by content policy\"}", AISHA_CAUSE_CONTENT_POLICY},
        {404, "{\"detail\":\"Application not found\"}", AISHA_CAUSE_PROVIDER},
        {418, "[]", AISHA_CAUSE_PROVIDER},
    };
    struct aisha_ctx ctx = {.bot = &bot};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply_error error = reply_error(&ctx, cases[i].status, parse(&ctx, cases[i].text));
        assert_int_equal(error.cause, cases[i].cause);
        assert_int_equal(error.is_gone, cases[i].status == 404);
        assert_non_null(error.reason);
    }
    /* Nothing that a person wrote gets into a log by it. */
    struct reply_error error = reply_error(
        &ctx, 422,
        parse(&ctx, "{\"detail\":[{\"type\":\"a secret\\nx\",\"loc\":[\"body\",\"loras\"],\"msg\":"
                    "\"secret\",\"input\":\"secret\"}]}"));
    assert_string_equal(error.reason, "a?secret?x in loras (422)");
    assert_int_equal(error.cause, AISHA_CAUSE_PROVIDER);
    assert_true(aisha_cause_is_theirs(AISHA_CAUSE_NO_FACE));
    assert_false(aisha_cause_is_theirs(AISHA_CAUSE_OURS) ||
                 aisha_cause_is_theirs(AISHA_CAUSE_NONE));
    arena_clear(&ctx.arena);
}

static void the_status_tells_how_far_it_is(void **state)
{
    static const struct {
        const char *line;
        int64_t percent;
    } lines[] = {{" 45%|####   | 450/1000", 45},
                 {"step 450/1000 loss 0.1", 45},
                 {"100%", 100},
                 {"Downloading", -1},
                 {"%", -1},
                 {"7/0", -1},
                 {"300%", -1},
                 {"9999999999/1", -1},
                 {"a/b 3/4", 75}};
    struct aisha_ctx ctx = {.bot = &bot};
    struct reply_status status;

    (void)state;
    assert_true(
        reply_status(&ctx, parse(&ctx, "{\"status\":\"IN_QUEUE\",\"queue_position\":3}"), &status));
    assert_true(status.event == FAL_IN_QUEUE && status.ahead == 3 && status.percent == -1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *text = aisha_printf(
            &ctx,
            "{\"status\":\"IN_PROGRESS\",\"logs\":[{\"message\":\"first\"},{\"message\":%s}]}",
            aisha_json_quote(&ctx, lines[i].line));
        assert_true(reply_status(&ctx, parse(&ctx, text), &status));
        assert_int_equal(status.event, FAL_IN_PROGRESS);
        assert_int_equal(status.percent, lines[i].percent);
        assert_string_equal(status.log, lines[i].line);
    }
    assert_true(reply_status(&ctx, parse(&ctx, "{\"status\":\"COMPLETED\"}"), &status));
    assert_true(status.event == FAL_DONE && !status.error_type);
    assert_true(reply_status(
        &ctx, parse(&ctx, "{\"status\":\"COMPLETED\",\"error\":\"no\",\"error_type\":\"x y\"}"),
        &status)); /* T-1 */
    assert_string_equal(status.error_type, "x?y");
    assert_false(reply_status(&ctx, parse(&ctx, "{\"status\":\"NOT_FOUND\"}"), &status));
    assert_false(reply_status(&ctx, NULL, &status));
    arena_clear(&ctx.arena);
}

static void a_webhook_is_read(void **state)
{
    struct aisha_ctx ctx = {.bot = &bot};
    struct reply_webhook hook;
    struct reply_pictures pictures;

    (void)state;
    const struct aisha_json *json = parse(&ctx, body);
    assert_true(reply_webhook(&ctx, json, &hook));
    assert_true(hook.event == FAL_DONE && hook.has_payload);
    assert_true(reply_pictures(reply_output(json), body, &pictures));
    assert_int_equal(pictures.count, 1);
    assert_true(pictures.has_seed);
    assert_int_equal(pictures.seed, 196619188014358660); /* a double would make it …656 */
    assert_true(reply_webhook(
        &ctx,
        parse(&ctx,
              "{\"request_id\":\"a\",\"status\":\"ERROR\",\"error\":\"Invalid status code: 422\","
              "\"payload\":{\"detail\":[{\"type\":\"face_detection_error\"}]}}"),
        &hook));
    assert_true(hook.event == FAL_ERROR && hook.error.cause == AISHA_CAUSE_NO_FACE);
    assert_true(
        reply_webhook(&ctx,
                      parse(&ctx, "{\"request_id\":\"a\",\"status\":\"OK\",\"payload\":null,"
                                  "\"payload_error\":\"x\"}"),
                      &hook));
    assert_false(hook.has_payload);
    assert_false(reply_webhook(&ctx, parse(&ctx, "{\"request_id\":\"a\",\"status\":\"TRAINING\"}"),
                               &hook)); /* T-6 */
    assert_false(reply_webhook(&ctx, parse(&ctx, "{\"status\":\"OK\"}"), &hook));
    assert_false(reply_webhook(&ctx, NULL, &hook));
    arena_clear(&ctx.arena);
}

static void results_without_what_matters_are_none(void **state)
{
    struct aisha_ctx ctx = {.bot = &bot};
    struct reply_weights weights;
    struct reply_pictures pictures;

    (void)state;
    assert_true(reply_weights(
        parse(&ctx, "{\"diffusers_lora_file\":{\"url\":\"https://x/y\",\"file_size\":7}}"),
        &weights));
    assert_int_equal(weights.bytes, 7);
    assert_false(reply_weights(parse(&ctx, "{\"diffusers_lora_file\":null}"), &weights));
    assert_false(reply_weights(parse(&ctx, "{\"finetune_id\":\"x\"}"), &weights)); /* T-11 */
    assert_false(reply_pictures(parse(&ctx, "{\"images\":[]}"), "", &pictures));
    assert_false(reply_pictures(parse(&ctx, "{\"images\":[{\"width\":3}]}"), "", &pictures));
    const char *text =
        "{\"images\":[{\"url\":\"a\"},{\"url\":\"b\"}],\"has_nsfw_concepts\":[false,true],"
        "\"prompt\":\"\\\"seed\\\": 5\",\"seed\":1e3}";
    assert_true(reply_pictures(parse(&ctx, text), text, &pictures));
    assert_true(!pictures.pictures[0].is_flagged && pictures.pictures[1].is_flagged);
    assert_false(pictures.has_seed);
    arena_clear(&ctx.arena);
}

/* ---- addresses ---- */

static void only_known_hosts_are_followed(void **state)
{
    static const char base[] = "https://queue.fal.run", hosts[] = "fal.media, *.fal.media";
    static const char *const others[] = {"https://queue.fal.run.evil.org/x",
                                         "https://queue.fal.run@evil.org/x",
                                         "https://evil.org/https://queue.fal.run",
                                         "http://queue.fal.run/x",
                                         "https://queue.fal.run:444/x",
                                         "https://queue.fal.run\\@evil.org/",
                                         "queue.fal.run/x",
                                         "file:///etc/passwd",
                                         "data:image/png;base64,xx",
                                         ""};

    (void)state;
    assert_true(reply_url_is_of("https://queue.fal.run/fal-ai/flux-lora/requests/1", base));
    assert_true(reply_url_is_of("https://QUEUE.fal.run?x", base));
    assert_true(reply_url_is_of("http://127.0.0.1:80/fal/x", "http://127.0.0.1:80/fal"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(reply_url_is_of(others[i], base));
        assert_false(reply_url_is_listed(others[i], hosts));
    }
    assert_true(reply_url_is_listed("https://fal.media/x", hosts));
    assert_true(reply_url_is_listed("https://v3b.fal.media/files/x", hosts));
    assert_false(reply_url_is_listed("http://v3b.fal.media/files/x", hosts));
    assert_false(reply_url_is_listed("https://evilfal.media/x", hosts));
    assert_false(reply_url_is_listed("https://.fal.media.org/x", hosts));
    assert_false(reply_url_is_listed("https://fal.media:8443/x", hosts));
}

static void only_short_utf8_is_kept(void **state)
{
    static const char *const fine[] = {"", "{\"seed\":1}", "\xc2\x80 \xdf\xbf",
                                       "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80",
                                       "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80"};
    static char most[REPLY_KEPT_MOST + 2];

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_ptr_equal(reply_to_keep(fine[i]), fine[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(reply_to_keep(bad[i]), "");
    memset(most, 'x', REPLY_KEPT_MOST);
    assert_ptr_equal(reply_to_keep(most), most);
    most[REPLY_KEPT_MOST] = 'x';
    assert_string_equal(reply_to_keep(most), "");
}

/* ---- heads of pictures ---- */

static void pictures_say_how_large_they_are(void **state)
{
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\0\0\0\1\0\x08\2\0\0\0\0\0\0\0"
                                 "\0\0\0\0IEND\xae\x42\x60\x82";
    static const uint8_t jpeg[] = "\xff\xd8\xff\xe0\0\4ab\xff\xff\xc0\0\x11\x08\1\0\2\0\3\xff\xd9";
    static const uint8_t webp[] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\1\0\xff\0\0";
    struct image_header header;

    (void)state;
    assert_true(image_header_read(png, sizeof png - 1, &header));
    assert_true(header.width == 512 && header.height == 256 && header.is_whole);
    assert_true(image_header_read(png, sizeof png - 2, &header) && !header.is_whole);
    assert_true(image_header_read(jpeg, sizeof jpeg - 1, &header));
    assert_true(header.width == 512 && header.height == 256 && header.is_whole);
    assert_true(image_header_read(jpeg, sizeof jpeg - 2, &header) && !header.is_whole);
    assert_true(image_header_read(webp, sizeof webp - 1, &header));
    assert_true(header.width == 512 && header.height == 256 && header.is_whole);
    for (size_t size = 0; size < 12; size++) {
        assert_false(image_header_read(png, size, &header));
        assert_false(image_header_read(jpeg, size, &header));
        assert_false(image_header_read(webp, size, &header));
    }
    assert_false(image_header_read("<svg xmlns='http://www.w3.org/2000/svg'/>", 40, &header));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_signature_is_accepted_for_five_minutes),
        cmocka_unit_test(whatever_is_changed_makes_it_wrong),
        cmocka_unit_test(odd_headers_are_told_apart),
        cmocka_unit_test(keys_are_read_or_refused),
        cmocka_unit_test(errors_become_causes),
        cmocka_unit_test(the_status_tells_how_far_it_is),
        cmocka_unit_test(a_webhook_is_read),
        cmocka_unit_test(results_without_what_matters_are_none),
        cmocka_unit_test(only_known_hosts_are_followed),
        cmocka_unit_test(only_short_utf8_is_kept),
        cmocka_unit_test(pictures_say_how_large_they_are),
    };

    return cmocka_run_group_tests_name("fal_reading", tests, NULL, NULL);
}
