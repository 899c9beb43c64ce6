/* What the test programs share: system calls, output, and an entry that hands the
 * initial stack to run(), which returns the exit status.
 *
 * gcc -static-pie -nostdlib -ffreestanding -mno-red-zone
 */
#include <stddef.h>
#include <stdint.h>

enum { SYS_WRITE = 1, SYS_EXIT = 60, SYS_EXIT_GROUP = 231, SYS_NOOP = 500 };

static inline long call(long number, long a, long b, long c)
{
    long answer;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "cc", "memory");
    return answer;
}

static inline size_t length(const char *text)
{
    size_t count = 0;
    while (text[count])
        count++;
    return count;
}

static inline int equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static inline void print(const char *text)
{
    call(SYS_WRITE, 1, (long)text, (long)length(text));
}

/* "NAME=VALUE", in decimal. */
static inline void print_number(const char *name, long value)
{
    char digits[24];
    char *digit = digits + sizeof digits;
    unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;
    *--digit = 0;
    *--digit = '\n';
    do
        *--digit = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--digit = '-';
    print(name);
    print("=");
    print(digit);
}

static inline long number_from(const char *text)
{
    long number = 0;
    while (*text)
        number = 10 * number + (*text++ - '0');
    return number;
}

__attribute__((used)) static int run(long *stack);

__attribute__((used)) static void begin(long *stack)
{
    call(SYS_EXIT_GROUP, run(stack), 0, 0);
}

__asm__(".globl _start\n"
        "_start:\n"
        "  mov %rsp, %rdi\n"
        "  call begin\n");
