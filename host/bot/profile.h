/*
 * What Telegram shows of the bot before anybody says a word: its list of commands, in each language.
 */
#pragma once

#include <aisha/base.h>

struct bot;

/* A failure is logged; the bot works without. */
AISHA_ASYNC void profile_publish(struct bot *bot);
