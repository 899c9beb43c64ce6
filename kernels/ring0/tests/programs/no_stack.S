/* Makes a system call while RSP points to no memory, and ends with status 7. */

    .globl _start
_start:
    xor %esp, %esp
    mov $500, %eax
    syscall
    cmp $0xc0ffee, %eax
    jne fail
    test %rsp, %rsp
    jnz fail
    mov $7, %edi
    mov $231, %eax
    syscall
fail:
    ud2
    .section .note.GNU-stack, "", @progbits
