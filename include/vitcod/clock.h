#ifndef VITCOD_CLOCK_H
#define VITCOD_CLOCK_H

/* Seconds on a clock that only moves forward; its origin means nothing. */
double vc_clock_seconds(void);

#endif
