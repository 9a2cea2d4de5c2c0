/* As a room that needs core alone, this one calls upward and must not link. */
#include "vitcod/plan.h"

void upward(vc_plan *plan);

void upward(vc_plan *plan)
{
    vc_plan_close(plan);
}
