/*
 * A helper in an object of its own.
 */
#include <aisha/helper.h>

int aisha_helper_run(struct aisha_helper *helper)
{
    aisha_helper_report(helper, "from the object");
    return 0;
}
