/*
 * Error codes. A function that can fail returns int: 0 is done, a negative value is a failure to
 * hand on (`if (r < 0) return r;`), a positive value is an outcome that this one function names in
 * its own header and that its caller has to deal with.
 *
 * Negative values are -errno for what the system reports, or one of the codes below.
 */
#pragma once

#include <aisha/base.h>

enum aisha_error {
    AISHA_E_TIMEOUT = 1000, /* this one call took longer than allowed; the handler may go on */
    AISHA_E_CANCELED,       /* the user, a deadline or a shutdown ended the work: just return */
    AISHA_E_UPSTREAM,       /* another service answered with an error or with nonsense */
    AISHA_E_LIMIT,          /* a size, rate or concurrency limit */
    AISHA_E_INVALID,        /* input that does not fit its description */
    AISHA_E_UNAVAILABLE,    /* a store or a service cannot be reached now */
    AISHA_E_CONFLICT,       /* somebody else changed or did it first */
    AISHA_E_NOT_FOUND,      /* what was named does not exist */
    AISHA_E_TELEGRAM,       /* the Bot API refused the call; see aisha_telegram_error() */
    AISHA_E_DENIED,         /* not allowed to this caller */
};

/* A short English text for a code, positive or negative. Static storage. */
AISHA_PUBLIC const char *aisha_error_text(int code);
