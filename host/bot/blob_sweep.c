#include "host/bot/blob_sweep.h"

#include <time.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/temp_blobs.h"

enum { EVERY_MS = 60 * 1000 };

static AISHA_ASYNC void sweep_from_time_to_time(void *arg)
{
    struct bot *bot = arg;
    size_t count;

    do {
        int r = temp_blobs_sweep(bot->db, bot->blobs, (int64_t)time(NULL), &count);
        if (r < 0 && r != -AISHA_E_CANCELED)
            log_warn("blob", "temporary files could not be deleted: %s; trying again in a minute",
                     aisha_error_text(r));
        else if (count > 0)
            log_debug("blob", "%zu temporary files were deleted", count);
    } while (wait_sleep(bot->loop, EVERY_MS) == 0);
}

int blob_sweep_start(struct bot *bot)
{
    return task_start(bot->loop, "sweep blobs", sweep_from_time_to_time, bot, NULL);
}
