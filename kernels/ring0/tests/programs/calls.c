/* Prints what system calls answer. */
#include "program.h"

static int run(long *stack)
{
    (void)stack;
    print("half a line");
    print_number("\ngetpid", call(39, 0, 0, 0));
    print("half a line, ");
    print_number("499", call(499, 0, 0, 0));
    print_number("501", call(501, 0, 0, 0));
    print_number("511", call(511, 0, 0, 0));
    print_number("512", call(512, 0, 0, 0));
    print_number("-1", call(-1, 0, 0, 0));
    print_number("getpid again", call(39, 0, 0, 0));
    print_number("-1 again", call(-1, 0, 0, 0));

    print_number("stderr", call(SYS_WRITE, 2, (long)"to stderr\n", 10));
    print_number("fd 0", call(SYS_WRITE, 0, (long)"no\n", 3));
    print_number("fd 3", call(SYS_WRITE, 3, (long)"no\n", 3));
    print_number("fd -1", call(SYS_WRITE, -1, (long)"no\n", 3));
    print_number("nothing", call(SYS_WRITE, 1, 0, 0));
    print_number("null", call(SYS_WRITE, 1, 0, 1));
    print_number("page 0", call(SYS_WRITE, 1, 4095, 2));
    print_number("high", call(SYS_WRITE, 1, 1l << 32, 1));
    print_number("across", call(SYS_WRITE, 1, (1l << 32) - 1, 2));
    print_number("wraps", call(SYS_WRITE, 1, 4096, -1));
    return 0;
}
