/*
 * What to do about a call that failed: one table of everything Telegram says. Its texts may change,
 * so what is in no row is left to the caller, except for the codes that speak for themselves.
 */
#pragma once

struct telegram_failure;

enum telegram_remedy {
    REMEDY_NONE, /* final: the caller's mistake, or nothing that can be mended */

    /* Applied by telegram_call(). */
    REMEDY_RETRY,       /* after a pause, each longer */
    REMEDY_WAIT,        /* as long as Telegram says */
    REMEDY_DONE,        /* there is nothing left to do: counts as success */
    REMEDY_MOVE,        /* the group is a supergroup now: again with the new id, for ever */
    REMEDY_FILE,        /* once again, with the bytes where a file_id of ours was refused */
    REMEDY_BLOCKED,     /* remembered: the person has blocked the bot */
    REMEDY_DEACTIVATED, /* remembered: the account is no more */
    REMEDY_CHAT_GONE,   /* remembered: the bot is not in the group or channel any more */
    REMEDY_STOP,        /* the token is no good: the bot ends */

    /* For who knows what the message is about: aisha_reply() and aisha_screen(). */
    REMEDY_PLAIN,     /* again without markup */
    REMEDY_NO_THREAD, /* again outside of the topic */
    REMEDY_ANEW,      /* as a new message */
    REMEDY_SPLIT,     /* again in parts */
};

/* r and failure are those of telegram_request(). */
enum telegram_remedy remedy_find(const char *method, int r, const struct telegram_failure *failure);
