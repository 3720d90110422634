/*
 * Rich messages: what a bot sends as blocks, as HTML or as Markdown becomes the blocks that messages
 * have.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;

/* Reads an InputRichMessage into the content, as "rich_message". */
AISHA_ASYNC AISHA_CHECKED int rich_read(struct call *call, const cJSON *given, cJSON *content);

/* Each returns NULL, or what is wrong; ret_blocks are InputRichBlocks, owned by the arena. Media are
 * of the type "media" with their "id". */
const char *rich_html_read(struct arena *arena, const char *text, cJSON **ret_blocks);
const char *rich_markdown_read(struct arena *arena, const char *text, cJSON **ret_blocks);
