/*
 * What Telegram shows of the bot before anybody says a word, in each language: its lists of commands
 * for private chats, groups and operators, its menu button, and if the operator has written them its
 * name and descriptions.
 */
#pragma once

#include <aisha/base.h>

struct bot;

/* A failure is logged; the bot works without. */
AISHA_ASYNC void profile_publish(struct bot *bot);
