/*
 * openai: the services "speech", "chat", "vision" and "moderation" by OpenAI, or by any server that
 * speaks the same protocol.
 */
#include "openai.h"

#include <aisha/service/chat.h>
#include <aisha/service/moderation.h>
#include <aisha/service/speech.h>
#include <aisha/service/vision.h>

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, api_key, .value = "", .is_secret = true,
                 .summary = "the key; nothing works without one"),
    AISHA_OPTION(struct config, base_url, .value = "https://api.openai.com/v1",
                 .summary = "OpenAI, or a server that speaks its protocol"),
    AISHA_OPTION(struct config, organization, .value = "",
                 .summary = "whose account pays, for keys of several organizations"),
    AISHA_OPTION(struct config, project, .value = "",
                 .summary = "whose account pays, for keys of several projects"),
    AISHA_OPTION(struct config, speech_models, .value = "gpt-transcribe, whisper-1",
                 .summary = "what transcribes; the next one when the server has the first no more"),
    AISHA_OPTION(struct config, segment_models, .value = "whisper-1",
                 .summary = "of these, who can tell when a sentence was said (verbose_json)"),
    AISHA_OPTION(struct config, chat_models, .value = "gpt-6-luna, gpt-6.1-terra",
                 .summary = "what writes, in the same manner"),
    AISHA_OPTION(struct config, vision_models, .value = "gpt-6-luna, gpt-6.1-terra",
                 .summary = "what looks at pictures"),
    AISHA_OPTION(struct config, moderation_models,
                 .value = "omni-moderation-latest, omni-moderation-2024-09-26",
                 .summary = "what looks for things that nobody wants"),
    AISHA_OPTION(struct config, max_tokens, .value = "2000", .min = 1, .max = 1000000,
                 .summary = "of an answer, its thinking included, when a plugin says nothing else"),
    AISHA_OPTION(struct config, max_tokens_field, .value = "max_completion_tokens", .min = 1,
                 .max = 64, .summary = "many compatible servers know max_tokens only"),
    AISHA_OPTION(struct config, timeout_s, .value = "90", .min = 1, .max = 600,
                 .summary = "how long an answer may take, transcriptions apart"),
    AISHA_OPTION(struct config, max_image_mb, .value = "16", .min = 1, .max = 40,
                 .summary = "all pictures of a question together"),
    AISHA_OPTION(struct config, names_user, .value = "yes",
                 .summary = "tell the server which of the bot's users asks, by a number of ours: "
                            "it then blocks them, and not the bot, for what they ask"),
};

static const struct aisha_service services[] = {
    {.name = "speech", .version = 1, .functions = &openai_speech},
    {.name = "chat", .version = 1, .functions = &openai_chat},
    {.name = "vision", .version = 1, .functions = &openai_vision},
    {.name = "moderation", .version = 1, .functions = &openai_moderation},
};

static const struct aisha_health_check health[] = {
    {.name = "key", .run = openai_check},
};

AISHA_PLUGIN(.name = "openai", .version = "1.0",
             .summary = "Speech, chat, vision and moderation by OpenAI",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .provides = AISHA_TABLE(services), .health = AISHA_TABLE(health))
