/* What a run takes. */
#ifndef VITCOD_CLOCK_H
#define VITCOD_CLOCK_H

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds on a clock that only moves forward; its origin means nothing. */
double vc_clock_seconds(void);

/* The time of day in UTC, as 2026-01-31T23:59:59Z. Returns `text`. */
enum { VC_CLOCK_DATE = 32 };
const char *vc_clock_date(char text[VC_CLOCK_DATE]);

/* The most memory that this process has had so far, in MiB. */
double vc_peak_mebibytes(void);

#ifdef __cplusplus
}
#endif

#endif
