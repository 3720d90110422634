#include "host/core/audience.h"

#include "host/core/loop.h"
#include "host/core/wait.h"

struct audience_member {
    struct wait wait;
    LIST_ENTRY(audience_member) link;
};

void audience_wait(struct audience *audience, struct loop *loop, int64_t until_ms)
{
    int64_t rest_ms = until_ms - loop_now_ms(loop);
    struct audience_member member;

    if (rest_ms <= 0)
        return;
    wait_init(&member.wait, loop);
    LIST_INSERT_HEAD(&audience->members, &member, link);
    if (wait_for(&member.wait, rest_ms) < 0)
        LIST_REMOVE(&member, link);
}

void audience_end(struct audience *audience)
{
    struct audience_member *member;

    while ((member = LIST_FIRST(&audience->members))) {
        LIST_REMOVE(member, link);
        wait_wake(&member->wait, 0);
    }
}
