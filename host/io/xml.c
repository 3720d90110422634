#include "host/io/xml.h"

#include <expat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

enum { MAX_DEPTH = 16, MAX_PATH = 512, MAX_TEXT = 8192 };

struct scan {
    XML_Parser parser;
    void (*found)(const char *path, const char *text, void *user);
    void *user;
    char path[MAX_PATH];
    size_t path_size;
    size_t parents[MAX_DEPTH]; /* how long the path was before each element */
    int depth;
    char text[MAX_TEXT + 1];
    size_t text_size;
    bool is_refused;
};

static void refuse(struct scan *scan)
{
    scan->is_refused = true;
    XML_StopParser(scan->parser, XML_FALSE);
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct scan *scan = user;
    const char *colon = strrchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    size_t size = strlen(local);

    (void)attributes;
    if (scan->depth == MAX_DEPTH || scan->path_size + size + 2 > MAX_PATH) {
        refuse(scan);
        return;
    }
    scan->parents[scan->depth++] = scan->path_size;
    if (scan->path_size > 0)
        scan->path[scan->path_size++] = '/';
    memcpy(scan->path + scan->path_size, local, size + 1);
    scan->path_size += size;
    scan->text_size = 0;
}

static void XMLCALL on_text(void *user, const XML_Char *text, int size)
{
    struct scan *scan = user;

    if (scan->text_size + (size_t)size > MAX_TEXT) {
        refuse(scan);
        return;
    }
    memcpy(scan->text + scan->text_size, text, (size_t)size);
    scan->text_size += (size_t)size;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct scan *scan = user;

    (void)name;
    if (scan->is_refused) /* an empty element that was refused ends nevertheless */
        return;
    scan->text[scan->text_size] = '\0';
    scan->found(scan->path, scan->text, scan->user);
    scan->path_size = scan->parents[--scan->depth];
    scan->path[scan->path_size] = '\0';
    scan->text_size = 0;
}

/* Nobody we ask has one, and what can be done with them is too much. */
static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(user);
}

int xml_scan(const char *document, size_t size,
             void (*found)(const char *path, const char *text, void *user), void *user)
{
    struct scan *scan = calloc(1, sizeof *scan);

    if (!scan || !(scan->parser = XML_ParserCreate(NULL)))
        abort();
    scan->found = found;
    scan->user = user;
    XML_SetUserData(scan->parser, scan);
    XML_SetElementHandler(scan->parser, on_start, on_end);
    XML_SetCharacterDataHandler(scan->parser, on_text);
    XML_SetStartDoctypeDeclHandler(scan->parser, on_doctype);
    while (size > 0 && strchr(" \r\n\t", *document)) { /* S3 keeps a connection alive with spaces */
        document++;
        size--;
    }
    bool is_good = size <= (1 << 30) &&
                   XML_Parse(scan->parser, document, (int)size, XML_TRUE) == XML_STATUS_OK &&
                   !scan->is_refused;
    XML_ParserFree(scan->parser);
    free(scan);
    return is_good ? 0 : -AISHA_E_UPSTREAM;
}
