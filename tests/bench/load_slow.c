#include <stdlib.h>

#include "load.h"

static void on_message(struct conn *conn, const struct message *message, void *user)
{
    struct load *load = user;

    if (!message) {
        for (size_t i = 0; i < load->slow_count; i++)
            if (load->slow[i] == conn)
                load->slow[i] = load->slow[--load->slow_count];
        return;
    }
    if (load->slow_count == load->slow_capacity) {
        load->slow_capacity = load->slow_capacity * 2 + 1024;
        load->slow = reallocarray(load->slow, load->slow_capacity, sizeof(struct conn *));
        if (!load->slow)
            die("no memory");
    }
    load->slow[load->slow_count++] = conn;
}

int slow_listen(struct load *load)
{
    return wire_listen(&load->wire, on_message, load);
}

void slow_release(struct load *load)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlate\n";

    while (load->slow_count > 0)
        conn_send(load->slow[--load->slow_count], answer, sizeof answer - 1);
}
