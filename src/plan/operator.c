#include "vitcod/operator.h"

const char *vc_work_name(vc_work work)
{
    static const char *const names[] = {
#define VC_WORK_NAME(name, text) text,
        VC_WORK_MAP(VC_WORK_NAME)
#undef VC_WORK_NAME
    };
    return names[work];
}

typedef enum precision_rule { FP32, ANY } precision_rule;
typedef enum rows_read { OWN, OTHERS } rows_read;

static const struct {
    const char *name;
    vc_work work;
    precision_rule precision;
    rows_read rows;
    vc_op_kind part_of;
} kinds[VC_OP_COUNT] = {
#define VC_OP_ROW(name, text, work, precision, rows, part)                                         \
    {text, VC_WORK_##work, precision, rows, VC_OP_##part},
    VC_OP_MAP(VC_OP_ROW)
#undef VC_OP_ROW
};

const char *vc_op_name(vc_op_kind kind)
{
    return kinds[kind].name;
}

vc_work vc_op_work(vc_op_kind kind)
{
    return kinds[kind].work;
}

int vc_op_in_any_precision(vc_op_kind kind)
{
    return kinds[kind].precision == ANY;
}

int vc_op_reads_other_rows(vc_op_kind kind)
{
    return kinds[kind].rows == OTHERS;
}

vc_op_kind vc_op_part_of(vc_op_kind kind)
{
    return kinds[kind].part_of;
}
