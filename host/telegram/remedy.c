#include "host/telegram/remedy.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/telegram/client.h"

/* The first row counts whose code is the one given, whose method (if any) is how the called one
 * begins, and whose text is in the description, whatever the case. */
static const struct row {
    int code;
    const char *text;
    const char *method;
    enum telegram_remedy remedy;
} rows[] = {
    {400, "group chat was upgraded to a supergroup chat", NULL, REMEDY_MOVE},
    {400, "message is not modified", "edit", REMEDY_DONE},
    {400, "message to delete not found", "deleteMessage", REMEDY_DONE},
    {400, "query is too old", "answerCallbackQuery", REMEDY_DONE},
    {400, "query is too old", "answerInlineQuery", REMEDY_DONE},
    {400, "message to edit not found", NULL, REMEDY_ANEW},
    {400, "message can't be edited", NULL, REMEDY_ANEW},
    {400, "there is no text in the message", NULL, REMEDY_ANEW},
    {400, "message thread not found", NULL, REMEDY_NO_THREAD},
    {400, "can't parse entities", NULL, REMEDY_PLAIN},
    {400, "message is too long", NULL, REMEDY_SPLIT},
    {400, "message caption is too long", NULL, REMEDY_SPLIT},
    {400, "text is too long", NULL, REMEDY_SPLIT},
    {400, "wrong file identifier", NULL, REMEDY_FILE},
    {400, "wrong remote file identifier", NULL, REMEDY_FILE},
    {400, "wrong file_id", NULL, REMEDY_FILE},
    {401, "Unauthorized", NULL, REMEDY_STOP},
    {403, "bot was blocked by the user", NULL, REMEDY_BLOCKED},
    {403, "user is deactivated", NULL, REMEDY_DEACTIVATED},
    {403, "bot was kicked from", NULL, REMEDY_CHAT_GONE},
    {403, "bot is not a member of", NULL, REMEDY_CHAT_GONE},
    {403, "chat was deleted", NULL, REMEDY_CHAT_GONE},
    {421, "", NULL, REMEDY_RETRY}, /* the token is on its way to another of their servers */
    {429, "", NULL, REMEDY_WAIT},
    /* Final, and all others that are not listed:
     * 400 chat not found; message can't be deleted; message to be replied not found; message text is
     *     empty; reply markup is too long; BUTTON_DATA_INVALID and its like; file is too big;
     * 400 wrong HTTP URL specified; failed to get HTTP URL content; wrong type of the web page
     *     content: the host does not fetch it instead, since an address that somebody typed could
     *     then name what only the host can reach;
     * 400 query is too old, of payments: the money was not taken, and the handler has to know;
     * 403 bot can't initiate conversation with a user; bot can't send messages to bots;
     * 404 and 413; 409, which only getUpdates gets (poller.c). */
};

static bool fits(const struct row *row, const char *method, const struct telegram_failure *failure)
{
    const char *description = failure->description ? failure->description : "";

    return row->code == failure->error_code && strcasestr(description, row->text) &&
           (!row->method || strncasecmp(method, row->method, strlen(row->method)) == 0);
}

static enum telegram_remedy find_row(const char *method, const struct telegram_failure *failure)
{
    if (failure->error_code >= 500 && failure->error_code != 501)
        return REMEDY_RETRY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(&rows[i], method, failure))
            return rows[i].remedy;
    return REMEDY_NONE;
}

enum telegram_remedy remedy_find(const char *method, int r, const struct telegram_failure *failure)
{
    switch (-r) {
    case AISHA_E_UNAVAILABLE:
    case AISHA_E_TIMEOUT:
        return REMEDY_RETRY;
    case AISHA_E_UPSTREAM: /* a proxy's page, half an answer */
        return failure->error_code == 0 || failure->error_code == 200 || failure->error_code >= 500
                   ? REMEDY_RETRY
                   : REMEDY_NONE;
    case AISHA_E_TELEGRAM:
        return find_row(method, failure);
    default:
        return REMEDY_NONE;
    }
}
