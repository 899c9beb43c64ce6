/* Ends with the status that is its first argument, by the call that is its second. */
#include "program.h"

static int run(long *stack)
{
    char **arguments = (char **)(stack + 1);
    call(stack[0] > 2 ? number_from(arguments[2]) : SYS_EXIT_GROUP,
         number_from(arguments[1]), 0, 0);
    print("still running\n");
    return 99;
}
