/*
 * What all files of the plugin share: its settings.
 */
#pragma once

#include <stdint.h>

struct balance_config {
    const char *tariffs;
};
