/*
 * Texts for the error codes of <aisha/error.h>; system errors use the C library's.
 */
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

const char *aisha_error_text(int code)
{
    static const char *const texts[] = {
        [AISHA_E_TIMEOUT - AISHA_E_TIMEOUT] = "timed out",
        [AISHA_E_CANCELED - AISHA_E_TIMEOUT] = "canceled",
        [AISHA_E_UPSTREAM - AISHA_E_TIMEOUT] = "the other side failed",
        [AISHA_E_LIMIT - AISHA_E_TIMEOUT] = "over a limit",
        [AISHA_E_INVALID - AISHA_E_TIMEOUT] = "invalid input",
        [AISHA_E_UNAVAILABLE - AISHA_E_TIMEOUT] = "not available now",
        [AISHA_E_CONFLICT - AISHA_E_TIMEOUT] = "changed by somebody else",
        [AISHA_E_NOT_FOUND - AISHA_E_TIMEOUT] = "not found",
        [AISHA_E_TELEGRAM - AISHA_E_TIMEOUT] = "refused by Telegram",
        [AISHA_E_DENIED - AISHA_E_TIMEOUT] = "not allowed",
    };
    int index = abs(code) - AISHA_E_TIMEOUT;

    if (index >= 0 && (size_t)index < sizeof texts / sizeof *texts)
        return texts[index];
    const char *text = strerrordesc_np(abs(code));
    return text ? text : "unknown error";
}
