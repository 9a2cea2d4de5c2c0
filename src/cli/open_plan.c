#include "open_plan.h"

#include <string.h>

int cli_is_none(const char *plan)
{
    return plan && strcmp(plan, "none") == 0;
}

void cli_model_plan_hash(char text[VC_PLAN_HASH_TEXT], const vc_model *model)
{
    text[0] = '\0';
    if (vc_model_plan(model))
        vc_plan_hash_text(text, vc_model_plan(model));
}
