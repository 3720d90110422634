/*
 * XML from other services: what is in it by path, and nothing that is broken or meant to harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/io/xml.h"

static char said[4096];

static void say(const char *path, const char *text, void *user)
{
    size_t used = strlen(said);

    (void)user;
    snprintf(said + used, sizeof said - used, "%s=%s;", path, text);
}

static int scan(const char *document)
{
    said[0] = '\0';
    return xml_scan(document, strlen(document), say, NULL);
}

static void elements_are_found_by_their_paths(void **state)
{
    (void)state;
    assert_int_equal(scan("  \n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://x/\">"
                          "<C><Key>a&amp;b &#233;</Key><Size>5</Size></C><E/></R>"),
                     0);
    assert_string_equal(said, "R/C/Key=a&b é;R/C/Size=5;R/C=;R/E=;R=;");
    assert_int_equal(scan("<x:a xmlns:x='u'><x:b><![CDATA[<c>]]></x:b></x:a>"), 0);
    assert_string_equal(said, "a/b=<c>;a=;");
}

static void what_is_broken_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "text",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&nothing;</a>",
        "<a>\xff</a>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
    };
    static char large[20000];

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(scan(broken[i]), -AISHA_E_UPSTREAM);
    snprintf(large, sizeof large, "<a>%010000d</a>", 1);
    assert_int_equal(scan(large), -AISHA_E_UPSTREAM);
    snprintf(large, sizeof large, "<a%0600d/>", 1);
    assert_int_equal(scan(large), -AISHA_E_UPSTREAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_by_their_paths),
        cmocka_unit_test(what_is_broken_is_refused),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
