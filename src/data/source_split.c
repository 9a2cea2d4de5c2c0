#include <math.h>
#include <stdlib.h>

#include "source_impl.h"

/* How many of the first `count` images are taken. The small addend makes up for rounding, so that a
 * share of 0.2 takes exactly every fifth image. */
static size_t taken(size_t count, double share)
{
    return (size_t)((double)count * share + 1e-9);
}

static vc_status open_part(vc_source **out, vc_source *whole)
{
    const size_t most = whole->count;
    VC_TRY(vc__source_create(out, whole->labelled));
    vc_source *part = *out;
    part->whole = whole;
    part->dataset = whole->dataset;
    part->classes = whole->classes;
    part->listed = whole->listed;
    part->indices = malloc((most + 1) * sizeof *part->indices);
    if (part->indices)
        return VC_OK;
    vc_source_close(part);
    *out = NULL;
    return vc_fail(VC_ENOMEM, "out of memory for %zu %s", most, vc_source_unit(whole, most));
}

/* Splits `count` images of the whole, of which the first has index `from`. Of labelled images every
 * class is split, in whatever order they come. */
static vc_status split_range(vc_source *first, vc_source *second, size_t from, size_t count,
                             double share)
{
    const vc_source *whole = first->whole;
    const size_t classes = whole->classes > 0 ? whole->classes : 1;
    size_t *place = calloc(classes + 1, sizeof *place); /* of the next image of each class */
    if (!place)
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    if (share > 1.0)
        share /= (double)count;
    for (size_t i = 0; i < count && whole->classes > 0; i++)
        place[vc_source_label(whole, from + i) + 1]++;
    for (size_t c = 1; c < classes; c++)
        place[c] += place[c - 1];
    for (size_t i = 0; i < count; i++) {
        const size_t class = whole->classes > 0 ? (size_t)vc_source_label(whole, from + i) : 0;
        const size_t at = place[class]++;
        vc_source *to = taken(at + 1, share) > taken(at, share) ? second : first;
        to->indices[to->count++] = (uint32_t)(from + i);
    }
    free(place);
    return VC_OK;
}

/* The same of whole sequences of poses. */
static void split_sequences(vc_source *first, vc_source *second, double share)
{
    const vc_source *whole = first->whole;
    const size_t count = whole->poses.count;
    if (share > 1.0)
        share /= (double)count;
    for (size_t i = 0; i < whole->count; i++) {
        const size_t at = whole->frames[i].sequence;
        vc_source *to = taken(at + 1, share) > taken(at, share) ? second : first;
        to->indices[to->count++] = (uint32_t)i;
    }
}

static vc_status check_share(double share, const vc_source *part, const char *path)
{
    if (!(share >= 0.0) || (share > 1.0 && share != floor(share)))
        return vc_fail(VC_EINVAL, "a share of %g, wanted 0 to 1 or a whole number of %s", share,
                       part->frames ? "sequences" : "images");
    if (part->frames && share > (double)part->poses.count)
        return vc_fail(VC_EINVAL, "%s: has %zu sequences, wanted the %g that are set apart", path,
                       part->poses.count, share);
    if (share > 1.0 && share > (double)part->count)
        return vc_fail(VC_EINVAL, "%s: has %zu images, wanted the %g that are set apart", path,
                       part->count, share);
    return VC_OK;
}

static vc_status check_split(const vc_source *whole, const double *shares)
{
    if (whole->whole || whole->count > UINT32_MAX)
        return vc_fail(VC_EINVAL, "a split of %s",
                       whole->whole ? "a part" : "more than 2^32 images");
    for (size_t p = 0; p < vc_source_parts(whole); p++)
        VC_TRY(check_share(shares[p], whole->part_count > 0 ? whole->parts[p] : whole,
                           vc_source_path(whole, p)));
    return VC_OK;
}

vc_status vc_source_split_parts(vc_source **first, vc_source **second, vc_source *whole,
                                const double *shares)
{
    size_t from = 0;
    *first = *second = NULL;
    VC_TRY(check_split(whole, shares));
    VC_TRY(open_part(first, whole));
    vc_status status = open_part(second, whole);
    for (size_t p = 0; p < vc_source_parts(whole); p++) {
        const size_t count = whole->part_count > 0 ? whole->parts[p]->count : whole->count;
        if (whole->frames)
            split_sequences(*first, *second, shares[p]);
        else if (status == VC_OK)
            status = split_range(*first, *second, from, count, shares[p]);
        from += count;
    }
    if (status != VC_OK) {
        vc_source_close(*first);
        vc_source_close(*second);
        *first = *second = NULL;
    }
    return status;
}

vc_status vc_source_spread(vc_source **out, vc_source *from, size_t count)
{
    vc_source *whole = from->whole ? from->whole : from;
    if (count > from->count)
        count = from->count;
    *out = NULL;
    if (whole->count > UINT32_MAX)
        return vc_fail(VC_EINVAL, "a part of more than 2^32 images");
    VC_TRY(open_part(out, whole));
    for (size_t i = 0; i < count; i++) {
        const size_t at = i * from->count / count;
        (*out)->indices[i] = from->indices ? from->indices[at] : (uint32_t)at;
    }
    (*out)->count = count;
    return VC_OK;
}

vc_status vc_source_split(vc_source **first, vc_source **second, vc_source *whole, double share)
{
    double shares[VC_SOURCE_MOST_PARTS];
    for (size_t p = 0; p < VC_SOURCE_MOST_PARTS; p++)
        shares[p] = share;
    return vc_source_split_parts(first, second, whole, shares);
}
