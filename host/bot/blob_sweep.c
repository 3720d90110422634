#include "host/bot/blob_sweep.h"

#include <time.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/blob.h"
#include "host/store/temp_blobs.h"

enum { EVERY_MS = 60 * 1000, TIDY_EVERY_MS = 3600 * 1000 };

/* What somebody else's death has left in S3 can wait. */
static AISHA_ASYNC void tidy_now_and_then(struct bot *bot, int64_t *tidied_at_ms)
{
    int64_t now = loop_now_ms(bot->loop);

    if (*tidied_at_ms && now - *tidied_at_ms < TIDY_EVERY_MS)
        return;
    *tidied_at_ms = now;
    int r = blob_tidy(bot->blobs);
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_debug("blob", "unfinished uploads could not be looked for: %s", aisha_error_text(r));
}

static AISHA_ASYNC void sweep_from_time_to_time(void *arg)
{
    struct bot *bot = arg;
    int64_t tidied_at_ms = 0;
    size_t count;

    do {
        int r = temp_blobs_sweep(bot->db, bot->blobs, (int64_t)time(NULL), &count);
        if (r < 0 && r != -AISHA_E_CANCELED)
            log_warn("blob", "temporary files could not be deleted: %s; trying again in a minute",
                     aisha_error_text(r));
        else if (count > 0)
            log_debug("blob", "%zu temporary files were deleted", count);
        tidy_now_and_then(bot, &tidied_at_ms);
    } while (wait_sleep(bot->loop, EVERY_MS) == 0);
}

int blob_sweep_start(struct bot *bot)
{
    return task_start(bot->loop, "sweep blobs", sweep_from_time_to_time, bot, NULL);
}
