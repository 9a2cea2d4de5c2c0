/* Shared by the files that write files. */
#ifndef VC_FILE_IMPL_H
#define VC_FILE_IMPL_H

#include <stddef.h>

/* How a file is called while it is written: PATH.XXXXXXXX.part, of hexadecimal digits. */
#define VC__ASIDE_FORMAT "%s.%08x.part"

/* The folder of a path: "." where it names none. To be freed; NULL: out of memory. */
char *vc__folder_of(const char *path);

/* Holds an unfinished file for as long as it is open, so that nobody takes it for left over. */
void vc__file_hold(int fd);

/* Removes what writers that were killed have left beside a path: files that have its name and a
 * suffix, and that nobody holds. */
void vc__file_remove_strays(const char *path);

struct stat;

/* Keeps in mind what is mapped where, for vc_file_mapped_at. */
void vc__file_note(const void *data, size_t bytes, const char *path, const struct stat *was);
void vc__file_forget(const void *data);

#endif
