/*
 * Which checking tool this object file is built for. gcc and clang say it differently.
 */
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AISHA_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define AISHA_TSAN 1
#endif
#endif

#if !defined(AISHA_ASAN) && defined(__SANITIZE_ADDRESS__)
#define AISHA_ASAN 1
#elif !defined(AISHA_ASAN)
#define AISHA_ASAN 0
#endif

#if !defined(AISHA_TSAN) && defined(__SANITIZE_THREAD__)
#define AISHA_TSAN 1
#elif !defined(AISHA_TSAN)
#define AISHA_TSAN 0
#endif
