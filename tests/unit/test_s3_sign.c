/*
 * Signatures: those that Amazon publishes, and some that two other programs agree about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/core/arena.h"
#include "host/io/s3_sign.h"

struct vector {
    struct s3_request request;
    const char *target, *canonical_hash, *signature;
    int64_t expires_s; /* of a link */
};

/* Friday, 24 May 2013, 00:00:00 UTC, and 1 January 2026, 12:00:00 UTC */
enum { AMAZON_TIME = 1369353600, OUR_TIME = 1767268800 };

static const struct s3_key amazon_key = {"AKIAIOSFODNN7EXAMPLE",
                                         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
static const struct s3_key our_key = {"minioadmin", "minioadmin", "us-east-1"};

#define BY_AMAZON(verb, where)                                                                     \
    .method = (verb), .host = "examplebucket.s3.amazonaws.com", .path = (where),                   \
    .time_s = AMAZON_TIME
#define BY_US(verb, where)                                                                         \
    .method = (verb), .host = "127.0.0.1:9000", .path = (where), .time_s = OUR_TIME

static const struct s3_field range[] = {{"range", "bytes=0-9"}};
static const struct s3_field storage[] = {
    {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
    {"date", "Fri, 24 May 2013 00:00:00 GMT"},
};
static const struct s3_field lifecycle[] = {{"lifecycle", ""}};
static const struct s3_field listing[] = {{"prefix", "J"}, {"max-keys", "2"}};
static const struct s3_field jpeg[] = {{"content-type", "  image/jpeg "}};
static const struct s3_field our_listing[] = {
    {"prefix", "u 1/"}, {"list-type", "2"}, {"delimiter", "/"}, {"max-keys", "100"}};
static const struct s3_field uploads[] = {{"uploads", ""}};

static const struct vector amazon[] = {
    {{BY_AMAZON("GET", "/test.txt"), .headers = range, .header_count = 1,
      .payload_hash = S3_EMPTY_HASH},
     .target = "/test.txt",
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {{BY_AMAZON("PUT", "/test$file.text"), .headers = storage, .header_count = 2,
      .payload_hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
     .target = "/test%24file.text",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {{BY_AMAZON("GET", ""), .queries = lifecycle, .query_count = 1, .payload_hash = S3_EMPTY_HASH},
     .target = "/?lifecycle=",
     .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {{BY_AMAZON("GET", "/"), .queries = listing, .query_count = 2, .payload_hash = S3_EMPTY_HASH},
     .target = "/?max-keys=2&prefix=J",
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {{BY_AMAZON("GET", "/test.txt")},
     .signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
     .expires_s = 86400},
};

static const struct vector ours[] = {
    {{BY_US("PUT", "/avatars/u 1/фото+a.jpg"), .headers = jpeg, .header_count = 1,
      .payload_hash = S3_UNSIGNED},
     .target = "/avatars/u%201/%D1%84%D0%BE%D1%82%D0%BE%2Ba.jpg",
     .canonical_hash = "7517f45e3e630648470be3d175b6d5eef26439bfead0d132c86e1823b0f1bc3b",
     .signature = "cde5f85ee65ba11d8b40b1aec17f90c26160984dc5018758273bcd07df8b9968"},
    {{BY_US("GET", "/avatars"), .queries = our_listing, .query_count = 4,
      .payload_hash = S3_EMPTY_HASH},
     .target = "/avatars?delimiter=%2F&list-type=2&max-keys=100&prefix=u%201%2F",
     .canonical_hash = "13ef2609b1050b03365d2c835d79ccbb790e6f53a8a3748a5f716d17c0384474",
     .signature = "8c6d764270a48682307936ddc0d1c048210f98d6fa45bcf8a076402813e56f0e"},
    {{BY_US("POST", "/avatars/big.zip"), .queries = uploads, .query_count = 1,
      .payload_hash = S3_EMPTY_HASH},
     .target = "/avatars/big.zip?uploads=",
     .canonical_hash = "e1251e90c6630afd3149278e54a2b7d5c20bad6b4062ef8ad4103d757bbc737d",
     .signature = "5eaa43e0936774f91932cb48ee229f4be64a88c9083ec493bff042131109e161"},
    {{BY_US("HEAD", "/avatars/a.jpg"), .payload_hash = S3_EMPTY_HASH},
     .target = "/avatars/a.jpg",
     .canonical_hash = "dc67eb864bd160207619fecb6b804544839c130112843ae09bddcaabbbd371ec",
     .signature = "7edf3534076c95284df9442c83d1bbfc260403001ed74d7254d0ccbaba40650b"},
    {{BY_US("GET", "/avatars/u 1/фото+a.jpg")},
     .signature = "e54b9fbf596ef97ccccab8613721434c700932d21c9b6e22a5866fa3fe28252b",
     .expires_s = 3600},
    {{BY_US("PUT", "/avatars/up.bin")},
     .signature = "e20257868c00d61e18da3a8d4999f7a0fd3e12c356f8a9d8d15ca307a47bbb51",
     .expires_s = 900},
};

static void assert_ends(const char *text, const char *end)
{
    size_t size = strlen(text), wanted = strlen(end);

    assert_true(size >= wanted);
    assert_string_equal(text + size - wanted, end);
}

static void check(const struct s3_key *key, const struct vector *vectors, size_t count)
{
    struct arena arena = {0};

    for (size_t i = 0; i < count; i++) {
        const struct vector *v = &vectors[i];
        if (v->expires_s) {
            assert_ends(s3_presign(&arena, key, &v->request, v->expires_s),
                        arena_printf(&arena, "&X-Amz-Signature=%s", v->signature));
            continue;
        }
        struct s3_signature signature = s3_sign(&arena, key, &v->request);
        assert_string_equal(signature.target, v->target);
        if (v->canonical_hash)
            assert_string_equal(signature.canonical_hash, v->canonical_hash);
        assert_ends(signature.authorization, arena_printf(&arena, ", Signature=%s", v->signature));
    }
    arena_clear(&arena);
}

static void amazon_agrees(void **state)
{
    (void)state;
    check(&amazon_key, amazon, sizeof amazon / sizeof *amazon);
}

static void others_agree(void **state)
{
    (void)state;
    check(&our_key, ours, sizeof ours / sizeof *ours);
}

static void all_that_is_sent_is_named(void **state)
{
    struct arena arena = {0};

    (void)state;
    struct s3_signature signature = s3_sign(&arena, &amazon_key, &amazon[0].request);
    assert_string_equal(signature.date, "20130524T000000Z");
    assert_non_null(
        strstr(signature.authorization,
               "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
               "aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
               "Signature="));
    assert_null(strstr(signature.authorization, amazon_key.secret_key));
    assert_string_equal(
        s3_presign(&arena, &amazon_key, &amazon[4].request, 86400),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
        "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-"
        "SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    arena_clear(&arena);
}

static void one_encoding_for_all_bytes(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_string_equal(s3_encode(&arena, "aZ09-._~/ +%?&=\x01\xff", 1),
                        "aZ09-._~/%20%2B%25%3F%26%3D%01%FF");
    assert_string_equal(s3_encode(&arena, "a/b", 0), "a%2Fb");
    assert_string_equal(s3_encode(&arena, "", 0), "");
    arena_clear(&arena);
}

/* A name that begins with another, names in any order: the order is that of the names alone. */
static void the_order_of_what_is_given_is_nothing(void **state)
{
    static const struct s3_field one[] = {
        {"x-amz-meta-a", "1"}, {"x-amz-meta-a-b", "2"}, {"x-amz-meta-1", "3"}};
    static const struct s3_field other[] = {
        {"x-amz-meta-a-b", "2"}, {"x-amz-meta-1", "3"}, {"x-amz-meta-a", "1"}};
    struct s3_request request = {BY_US("PUT", "/a/b"), .headers = one, .header_count = 3,
                                 .payload_hash = S3_UNSIGNED};
    struct arena arena = {0};

    (void)state;
    const char *first = s3_sign(&arena, &our_key, &request).authorization;
    request.headers = other;
    assert_string_equal(s3_sign(&arena, &our_key, &request).authorization, first);
    assert_non_null(strstr(first, "host;x-amz-content-sha256;x-amz-date;x-amz-meta-1;x-amz-meta-a;"
                                  "x-amz-meta-a-b"));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amazon_agrees),
        cmocka_unit_test(others_agree),
        cmocka_unit_test(all_that_is_sent_is_named),
        cmocka_unit_test(one_encoding_for_all_bytes),
        cmocka_unit_test(the_order_of_what_is_given_is_nothing),
    };

    return cmocka_run_group_tests_name("s3_sign", tests, NULL, NULL);
}
