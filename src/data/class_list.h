/* A class list: a line per class, with its folder's name and then the name that people use. */
#ifndef VC_CLASS_LIST_H
#define VC_CLASS_LIST_H

#include "names.h"

typedef struct vc__class_list {
    vc__names folders; /* (classes) first word of each line */
    vc__names names;   /* (classes) the rest, or the first word again */
    size_t *order;     /* (classes) the lines sorted by folder */
} vc__class_list;

/* VC_EFORMAT for an empty line that is followed by others, and for a folder that is listed
 * twice. */
vc_status vc__class_list_read(vc__class_list *out, const char *path);
/* The line of a folder, or the number of lines if it is not listed. */
size_t vc__class_list_find(const vc__class_list *list, const char *folder);
void vc__class_list_close(vc__class_list *list);

#endif
