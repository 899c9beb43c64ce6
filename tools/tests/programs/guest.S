# Guests that misbehave, one a preprocessor symbol. Static PIEs without libc, that
# run as Linux's /init and in ring 0 alike.

.set SYS_write, 1
.set SYS_reboot, 169
.set SYS_exit_group, 231

.macro say text, length
    mov $SYS_write, %eax
    mov $1, %edi
    lea \text(%rip), %rsi
    mov $\length, %edx
    syscall
.endm

.globl _start
_start:

#if defined(EXIT)
    mov $SYS_exit_group, %eax
    mov $EXIT, %edi
    syscall

#elif defined(HANG)
    jmp .

#elif defined(FLOOD)
1:  say flood, 4096
    jmp 1b
flood:
    .fill 4095, 1, 'x'
    .byte '\n'

#elif defined(GARBAGE)
    # Like a log, and cut.
    say garbage, (garbage_end - garbage)
    mov $SYS_exit_group, %eax
    xor %edi, %edi
    syscall
garbage:
    .ascii "--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\ntollgate\t2\tprecise\n"
    .ascii "slope\tscall\t0\t0\t16\t1600\t32\t3200\t0\t0\n"
garbage_end:

#elif defined(TRIPLE_FAULT)
    lidt no_table(%rip)
    ud2
no_table:
    .fill 10, 1, 0

#elif defined(POWER_OFF)
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
    jmp .

#elif defined(EXIT_F4)
    mov $EXIT_F4, %al
    out %al, $0xf4
    jmp .

#elif defined(EXIT_501)
    mov $0x501, %dx
    mov $EXIT_501, %al
    out %al, %dx
    jmp .

#elif defined(UNIKRAFT_OFF)
    # As Unikraft 0.5 switches off.
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
    mov $0x501, %dx
    mov $41, %ax
    out %ax, %dx
    cli
    hlt

#elif defined(REBOOT)
    # reboot(2): both magic numbers, LINUX_REBOOT_CMD_RESTART.
    mov $SYS_reboot, %eax
    mov $0xfee1dead, %edi
    mov $672274793, %esi
    mov $0x01234567, %edx
    syscall
    jmp .

#elif defined(LOG_AND_RESET)
    say log, (log_end - log)
    mov $0xfe, %al
    out %al, $0x64
    jmp .
log:
    .incbin "closed.log"
log_end:

#elif defined(RESET)
    mov $0xfe, %al
    out %al, $0x64
    jmp .
#endif
