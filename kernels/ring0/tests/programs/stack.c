/* Prints its initial stack, and what it finds in its own data. */
#include "program.h"

static volatile int initialised = 42;
static volatile char zeroed[3 << 20];

static int run(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    print_number("rsp mod 16", (long)stack % 16);
    for (long index = 0; index < count; index++) {
        print("argument=");
        print(arguments[index]);
        print("\n");
    }
    print_number("end of argv", stack[1 + count]);
    print_number("end of envp", stack[2 + count]);

    long *entry = stack + 3 + count;
    extern char _start[];
    for (; entry[0]; entry += 2) {
        switch (entry[0]) {
        case 3: /* AT_PHDR: the first program header of any kind, type 1 to 7 or higher */
            print_number("at_phdr plausible", *(uint32_t *)entry[1] != 0);
            break;
        case 4: print_number("at_phent", entry[1]); break;
        case 6: print_number("at_pagesz", entry[1]); break;
        case 9: print_number("at_entry right", entry[1] == (long)_start); break;
        case 25: print_number("at_random set", *(long *)entry[1] != 0); break;
        }
    }

    print_number("initialised", initialised);
    long sum = 0;
    for (size_t index = 0; index < sizeof zeroed; index++)
        sum += zeroed[index];
    print_number("sum of bss", sum);
    volatile double half = 0.5; /* SSE2 */
    volatile long double third = 3.0L; /* x87 */
    print_number("3 * 0.5 * 100", (long)(half * 100 * (double)third));
    print_number("noop", call(SYS_NOOP, 0, 0, 0) == 0xc0ffee);
    return 0;
}
