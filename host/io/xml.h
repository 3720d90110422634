/*
 * Small XML documents from other services, by libexpat: texts by the path of their elements.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

/*
 * Calls found() at the end of each element, with its path such as "Result/Contents/Key" (names
 * without namespaces) and the text directly in it. -AISHA_E_UPSTREAM when it is not well-formed, is
 * deeper than 16 elements, has a text of over 8 KiB, or a document type.
 */
AISHA_CHECKED int xml_scan(const char *document, size_t size,
                           void (*found)(const char *path, const char *text, void *user),
                           void *user);
