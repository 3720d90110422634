/*
 * Whether bytes can be weights: a head in the layout of safetensors says how many have to be there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool weights_are_whole(const void *bytes, size_t size);
