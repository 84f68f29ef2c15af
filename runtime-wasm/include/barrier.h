/** Where threads wait for each other within a kernel. */
#ifndef LINNET_BARRIER_H
#define LINNET_BARRIER_H

#include <stdint.h>

/**
 * The first `threads` of the threads that were given a kernel enter, then all leave; what they
 * wrote before is visible after. A kernel calls it from all of them equally often. Where the team
 * is stopped it returns at once, and what the kernel computes from then on is void.
 */
void meet(uint32_t thread, uint32_t threads);

#endif
