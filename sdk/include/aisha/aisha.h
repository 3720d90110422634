/* Everything a plugin needs; the services of other plugins are in aisha/service/. */
#pragma once

#include <aisha/base.h>
#include <aisha/blob.h>
#include <aisha/bot_api.h>
#include <aisha/cache.h>
#include <aisha/ctx.h>
#include <aisha/db.h>
#include <aisha/error.h>
#include <aisha/file.h>
#include <aisha/health.h>
#include <aisha/helper.h>
#include <aisha/http.h>
#include <aisha/i18n.h>
#include <aisha/jobs.h>
#include <aisha/json.h>
#include <aisha/list.h>
#include <aisha/log.h>
#include <aisha/mem.h>
#include <aisha/notify.h>
#include <aisha/plugin.h>
#include <aisha/progress.h>
#include <aisha/reply.h>
#include <aisha/state.h>
#include <aisha/update.h>
#include <aisha/webhook.h>
#include <aisha/worker.h>
