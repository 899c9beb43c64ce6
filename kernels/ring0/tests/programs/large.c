/* Wants 64 MiB. */
#include "program.h"

static volatile char zeroed[64 << 20];

static int run(long *stack)
{
    (void)stack;
    return zeroed[sizeof zeroed - 1];
}
