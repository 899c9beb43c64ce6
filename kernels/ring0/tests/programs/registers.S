/* Makes three system calls, each with RSP misaligned and every other register that
 * a call must keep set to its own value, and ends with the number of the first
 * register that changed: 1 to 12 general, 13 RSP, 14 and 15 XMM, 16 the answer. */

    .section .rodata
text:
    .ascii "kept\n"

    .text
    .macro check value, register, number
    cmp $\value, \register
    mov $\number, %ebp
    jne fail
    .endm

/* Makes call \number on write(2)'s arguments, expects \answer. */
    .macro try number, answer
    lea -3(%r15), %rsp
    movq $0x0b0b, %rbx
    movq $0x0808, %r8
    movq $0x0909, %r9
    movq $0x1010, %r10
    movq $0x1212, %r12
    movq $0x1313, %r13
    movq $0x1414, %r14
    movq $0xb4b4, %rbp
    movq %rbp, %xmm0
    movq %rbx, %xmm15
    movl $1, %edi
    lea text(%rip), %rsi
    movl $5, %edx
    movq $\number, %rax
    syscall
    cmp $0xb4b4, %rbp
    jne first
    check 0x0b0b, %rbx, 2
    check 0x0808, %r8, 3
    check 0x0909, %r9, 4
    check 0x1010, %r10, 5
    check 0x1212, %r12, 6
    check 0x1313, %r13, 7
    check 0x1414, %r14, 8
    check 1, %rdi, 9
    check 5, %rdx, 10
    lea text(%rip), %rcx
    mov $11, %ebp
    cmp %rcx, %rsi
    jne fail
    /* 12 would be R15, which RSP is compared with */
    lea -3(%r15), %rcx
    mov $13, %ebp
    cmp %rcx, %rsp
    jne fail
    movq %xmm0, %rcx
    check 0xb4b4, %rcx, 14
    movq %xmm15, %rcx
    check 0x0b0b, %rcx, 15
    check \answer, %rax, 16
    .endm

    .globl _start
_start:
    mov %rsp, %r15
    try 1, 5
    try 500, 0xc0ffee
    try 77, -38
    try 100000, -38
    /* Every register is zero at the entry but RSP: see the other program. */
    xor %ebp, %ebp
    jmp fail
first:
    mov $1, %ebp
fail:
    mov %ebp, %edi
    mov $231, %eax
    syscall
    .section .note.GNU-stack, "", @progbits
