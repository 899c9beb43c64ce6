/* Does what its first argument says; each of them raises an exception. */
#include "program.h"

static int overflow(volatile char *above)
{
    volatile char here[512];
    here[0] = above[0];
    return overflow(here) + here[0];
}

static int run(long *stack)
{
    const char *what = (char *)stack[2];
    print("about to crash");
    if (equal(what, "null"))
        return *(volatile int *)0;
    if (equal(what, "high"))
        *(volatile int *)0x123456789000 = 1;
    if (equal(what, "noncanonical"))
        *(volatile int *)0x8000000000000000 = 1;
    if (equal(what, "ud"))
        __asm__ volatile("ud2");
    if (equal(what, "de"))
        __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "rax", "rcx", "rdx");
    if (equal(what, "int80"))
        __asm__ volatile("int $0x80" : : "a"(1), "b"(0));
    if (equal(what, "int255"))
        __asm__ volatile("int $255");
    if (equal(what, "text")) /* the kernel's first page */
        *(volatile int *)0x100000 = 0;
    if (equal(what, "stack"))
        return overflow((volatile char *)what);
    if (equal(what, "push")) /* RSP itself is not mapped: no room for a frame */
        __asm__ volatile("xor %esp, %esp; push %rax");
    if (equal(what, "jump"))
        ((void (*)(void))0x8000)();
    if (equal(what, "x87")) { /* an unmasked division by zero */
        uint16_t control = 0x37b;
        __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
    }
    return 0;
}
