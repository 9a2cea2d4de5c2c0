/* Whether the classes of two sources are the same ones. */
#include <string.h>

#include "source_impl.h"

int vc_source_same_classes(const vc_source *a, const vc_source *b)
{
    const size_t named = vc_source_named(a);
    if (a->classes != b->classes || named == 0 || named != vc_source_named(b))
        return 0;
    for (size_t i = 0; i < named; i++)
        if (strcmp(vc_source_class_name(a, i), vc_source_class_name(b, i)) != 0)
            return 0;
    return 1;
}

int vc_source_may_differ(const vc_source *learn, const vc_source *judge)
{
    const int in_memory = vc_source_dataset(learn) && vc_source_dataset(judge);
    return vc_source_named(learn) > 0 && (vc_source_named(judge) > 0 || !in_memory) &&
           !vc_source_same_classes(learn, judge);
}

vc_status vc_source_check_classes(const vc_source *learn, const vc_source *judge)
{
    const char *from = vc_source_path(learn, 0), *to = vc_source_path(judge, 0);
    size_t i = 0;
    if (learn->classes != judge->classes)
        return vc_fail(VC_EINVAL,
                       "%zu classes in %s and %zu in %s: wanted the same, or a class list",
                       learn->classes, from, judge->classes, to);
    if (!vc_source_may_differ(learn, judge) && !vc_source_may_differ(judge, learn))
        return VC_OK;
    while (strcmp(vc_source_class_name(learn, i), vc_source_class_name(judge, i)) == 0)
        i++;
    return vc_fail(VC_EINVAL,
                   "class %zu is '%s' in %s and '%s' in %s: wanted the same, or a class list", i,
                   vc_source_class_name(learn, i), from, vc_source_class_name(judge, i), to);
}
