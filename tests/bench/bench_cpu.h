/* bench_cpu: what a process has used of the processors, and figures out of samples. One thread. */
#ifndef CR_BENCH_CPU_H
#define CR_BENCH_CPU_H

#include <stddef.h>
#include <stdint.h>

/* CPU time of all threads of a process, in microseconds; ends the program when it cannot be read. */
double bench_cpu_us(int pid);
/* Monotonic time in microseconds. */
double bench_now_us(void);
/* The p-th percentile (0-100) of n samples, which are sorted. */
double bench_percentile(double *samples, size_t n, double p);
/* Prints "program: what" and ends with 1. */
_Noreturn void bench_die(const char *what, ...) __attribute__((format(printf, 1, 2)));
/* A whole number from 1 to max out of an argument; ends with 2 otherwise. */
unsigned bench_number(const char *name, const char *text, unsigned max);

#endif
