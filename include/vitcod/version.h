#ifndef VITCOD_VERSION_H
#define VITCOD_VERSION_H

#define VC_VERSION "0.1.0"

#endif
