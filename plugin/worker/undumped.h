/* undumped: a time in which the process leaves no core dump behind.
 *
 * A private key rests on pages that the kernel leaves out of a core (secret_file.h). While it is used, a library has
 * copies of it on its heap and on the stack, where nothing can be said about single pages; so for that long there is no
 * core at all. It may be entered by several threads at once, and ends with the last that leaves. Where the process could
 * not be dumped anyway (a broker that was started as root and became another user), nothing changes; where only root may
 * read its cores (fs.suid_dumpable = 2), there are none any more after the first time.
 *
 * Any thread; locks inside, never waits for more than another call of these. */
#ifndef CR_UNDUMPED_H
#define CR_UNDUMPED_H

void cr_undumped_enter(void);
/* Also wipes what the calls made meanwhile left on this thread's stack, as deep as libraries go, and in its vector
 * registers. */
void cr_undumped_leave(void);

#endif
