#include "health.h"

#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "client.h"
#include "facts.h"
#include "models.h"

/* Nothing is known before the first start; a database that is away is said by its own check. */
static AISHA_ASYNC struct fal_fact fact_of(struct aisha_ctx *ctx, const char *name)
{
    struct fal_fact fact = {.text = ""};

    aisha_ignore(fact_read(ctx, name, &fact));
    return fact;
}

int check_key(struct aisha_ctx *ctx)
{
    const struct fal_config *config = aisha_config(ctx);
    struct client_answer answer;

    if (!*config->api_key)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = "there is no key: nothing can be trained or drawn",
                            .advice = "get one from fal.ai/dashboard/keys and set FAL_KEY");
    int r = client_check_key(ctx, &answer);
    if (r < 0)
        return r;
    if (answer.said == CLIENT_OK)
        return aisha_health(ctx, .text = "the key is good");
    if (answer.status == 401 || answer.status == 403)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = "fal.ai refuses the key",
                            .advice = "look at FAL_KEY and at fal.ai/dashboard/keys");
    return aisha_health(
        ctx, .state = AISHA_HEALTH_WARNING,
        .text = answer.status ? aisha_printf(ctx, "fal.ai answers with status %d", answer.status)
                              : "fal.ai does not answer",
        .advice = "orders wait until it does; look at api_url when it lasts");
}

/* What is wrong with one list; NULL = nothing. */
static AISHA_ASYNC const char *fault_of_list(struct aisha_ctx *ctx, const char *name, unsigned use,
                                             bool *ret_is_dead)
{
    const struct fal_config *config = aisha_config(ctx);
    const char *gone_ids = "", *odd_ids = "";
    size_t good = 0;
    struct model model;

    for (size_t n = 0; model_at(ctx, models_for(config, use), n, &model); n++) {
        struct fal_fact gone = fact_of(ctx, aisha_printf(ctx, FACT_GONE "%s", model.id));
        if (!model.shape || !(model.shape->uses & use))
            odd_ids = aisha_printf(ctx, "%s %s", odd_ids, model.id);
        else if (gone.noted_at > aisha_now(ctx) - FACT_GONE_S)
            gone_ids = aisha_printf(ctx, "%s %s", gone_ids, model.id);
        else
            good++;
    }
    *ret_is_dead = good == 0;
    if (!*gone_ids && !*odd_ids && good > 0)
        return NULL;
    return aisha_printf(ctx, "%s:%s%s%s%s%s", name, *gone_ids ? " gone:" : "", gone_ids,
                        *odd_ids ? " not for this:" : "", odd_ids, good ? "" : " none is left");
}

int check_models(struct aisha_ctx *ctx)
{
    static const struct {
        const char *name;
        unsigned use;
    } lists[] = {{"portrait_models", MODEL_PORTRAIT},
                 {"style_models", MODEL_STYLE},
                 {"image_models", MODEL_IMAGE},
                 {"lora_models", MODEL_LORA}};

    const char *faults = "";
    bool is_any_dead = false;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bool is_dead;
        const char *fault = fault_of_list(ctx, lists[i].name, lists[i].use, &is_dead);
        if (fault)
            faults = aisha_printf(ctx, "%s%s%s", faults, *faults ? "; " : "", fault);
        is_any_dead |= is_dead;
    }
    if (!*faults)
        return 0;
    return aisha_health(ctx, .state = is_any_dead ? AISHA_HEALTH_FAILED : AISHA_HEALTH_WARNING,
                        .text = faults,
                        .advice = "put models that fal.ai has into [fal]; the next of each list is "
                                  "used meanwhile");
}

int check_account(struct aisha_ctx *ctx)
{
    struct fal_fact alert = fact_of(ctx, FACT_ALERT), unsure = fact_of(ctx, FACT_UNSURE),
                    cents = fact_of(ctx, FACT_UNSURE_CENTS);

    if (*alert.text)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = alert.text,
                            .advice = "see fal.ai/dashboard; this goes away with the next order "
                                      "that is accepted");
    if (unsure.number > 0)
        return aisha_health(ctx, .text = aisha_printf(ctx,
                                                      "so far nobody knew about %" PRId64
                                                      " submits, worth up to %" PRId64 " cents",
                                                      unsure.number, cents.number));
    return 0;
}
