/* What libFuzzer, or replay.c, calls. Returns 0; finds its faults by assertions and sanitizers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
