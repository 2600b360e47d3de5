/* bucket_check: holds what one bucket's indexes and counts say against its devices' records. What must be true after
 * every operation:
 *     a slot whose certificate is known is in the expiry, by its notAfter
 *     a slot is in the watch when its renewal is due and it is not on hold, unless it was told that its certificate
 *     ended
 *     a slot is among the alerts only when its renewal is due and it is not on hold, by its notAfter; it is there when
 *     it has a level, but for the moment after a hold was released
 *     a slot that is not on hold and has something under way, or a certificate that counts, is in the agenda
 *     only a renewal under way has its fields, and only an issued one its certificate
 *     a campaign's counts are the sums of its members' letters, and of those that another campaign asked since, none of
 *     which is still asked here; who is asked has something under way
 *     every value of a record is shorter than 65 bytes
 *     no index has a member that no record has
 * One thread. */
#ifndef BUCKET_CHECK_H
#define BUCKET_CHECK_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>

/* base: what the names of the bucket's keys begin with, "cr:{b07}:"; now_s 0: nothing is said about what depends on the
 * time. Returns how many things are wrong, each with a line. */
unsigned bucket_check(redisContext *context, const char *base, int64_t now_s, FILE *out);

#endif
