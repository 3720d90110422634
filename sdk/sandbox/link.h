/*
 * Links as Telegram reads them: "example.com" is "http://example.com/", and what is no link is said
 * in its words.
 */
#pragma once

struct arena;

enum link_kind { LINK_ANY, LINK_HTTPS };

/*
 * The link in its normal form. Returns NULL, or what is wrong with it: "URL 'x' is invalid: Wrong
 * HTTP URL".
 */
const char *link_read(struct arena *arena, const char *link, enum link_kind kind,
                      const char **ret_link);
