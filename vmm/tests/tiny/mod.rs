//! Kernels of a few instructions, whose bytes mean the same in 32-bit and in 64-bit mode, and
//! images that contain them.

#![allow(dead_code, reason = "each user takes what it needs")]

/// The code's address and entry.
const CODE_AT: u32 = 0x10_0000;
const EHDR: usize = 64;
const PHDR: usize = 56;
/// Offset of the code in every file.
const CODE_OFFSET: usize = 0x1000;

/// `mov dx, port`
fn to_port(port: u16) -> Vec<u8> {
    let [low, high] = port.to_le_bytes();
    vec![0x66, 0xba, low, high]
}

/// `mov dx, port; mov al, value; out dx, al`
pub fn out(port: u16, value: u8) -> Vec<u8> {
    [to_port(port), vec![0xb0, value, 0xee]].concat()
}

/// `mov dx, port; mov ax, value; out dx, ax`
pub fn out16(port: u16, value: u16) -> Vec<u8> {
    let [low, high] = value.to_le_bytes();
    [to_port(port), vec![0x66, 0xb8, low, high, 0x66, 0xef]].concat()
}

/// `jmp .`
pub fn hang() -> Vec<u8> {
    vec![0xeb, 0xfe]
}

/// `cli; hlt`, and again if something wakes it.
pub fn halt() -> Vec<u8> {
    vec![0xfa, 0xf4, 0xeb, 0xfc]
}

/// `sti; hlt`, for ever: any interrupt would wake it.
pub fn wait() -> Vec<u8> {
    vec![0xfb, 0xf4, 0xeb, 0xfc]
}

/// `ud2`, with an empty interrupt table.
pub fn triple_fault() -> Vec<u8> {
    vec![0x0f, 0x0b]
}

/// Writes `text` to the serial port, byte by byte.
pub fn print(text: &str) -> Vec<u8> {
    let bytes = text.bytes().flat_map(|byte| [0xb0, byte, 0xee]);
    to_port(0x3f8).into_iter().chain(bytes).collect()
}

/// Writes `byte` to the serial port for ever.
pub fn flood(byte: u8) -> Vec<u8> {
    [to_port(0x3f8), vec![0xb0, byte, 0xee, 0xeb, 0xfd]].concat()
}

/// `in al, dx; out 0xf4, al`: exits with what it read.
pub fn exit_with_port(port: u16) -> Vec<u8> {
    [to_port(port), vec![0xec, 0xe6, 0xf4]].concat()
}

/// `mov edi, 0x200000; mov ecx, count; cld; rep insb`
pub fn read_string(port: u16, count: u32) -> Vec<u8> {
    let registers = [&[0xbf, 0, 0, 0x20, 0, 0xb9][..], &count.to_le_bytes()].concat();
    [to_port(port), registers, vec![0xfc, 0xf3, 0x6c]].concat()
}

/// `mov al, [edi - 1]; out port, al`, after [`read_string`].
pub fn out_last_read(port: u8) -> Vec<u8> {
    vec![0x8a, 0x47, 0xff, 0xe6, port]
}

/// Ends with `status`.
pub fn exit(status: u8) -> Vec<u8> {
    [out(0xf4, status), halt()].concat()
}

/// An ELF file without any mark, which is booted like a Linux kernel.
pub fn vmlinux(code: &[u8]) -> Vec<u8> {
    elf64(code, None)
}

/// A bzImage with the fields that a boot loader reads.
pub fn bzimage(code: &[u8]) -> Vec<u8> {
    const SETUP: usize = 0x400;
    const ENTRY: usize = 0x200;
    let mut image = vec![0; SETUP + ENTRY];
    image.extend(code);
    image.resize((image.len() + 15) & !15, 0);
    let paragraphs = ((image.len() - SETUP) / 16) as u32;
    let fields: [(usize, &[u8]); 9] = [
        (0x1f1, &[1]), // setup_sects
        (0x1f4, &paragraphs.to_le_bytes()),
        (0x201, &[0x6a]), // the header's end
        (0x202, b"HdrS"),
        (0x206, &0x020fu16.to_le_bytes()),
        (0x211, &[1]), // LOADED_HIGH
        (0x236, &[1]), // XLF_KERNEL_64
        (0x238, &2047u32.to_le_bytes()),
        (0x258, &u64::from(CODE_AT).to_le_bytes()),
    ];
    for (at, bytes) in fields {
        image[at..at + bytes.len()].copy_from_slice(bytes);
    }
    image[0x22c..0x230].copy_from_slice(&0x7fff_ffffu32.to_le_bytes()); // initrd_addr_max
    image[0x260..0x264].copy_from_slice(&0x10_0000u32.to_le_bytes()); // init_size
    image
}

/// An ELF file with a PVH note.
pub fn pvh(code: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [4, 8, 18, u32::from_le_bytes(*b"Xen\0"), CODE_AT, 0] {
        note.extend(word.to_le_bytes());
    }
    elf64(code, Some(&note))
}

/// An ELF file with a Multiboot header and no address fields.
pub fn multiboot_elf(code: &[u8]) -> Vec<u8> {
    let mut image = elf64(code, None);
    let header = multiboot_header(0);
    image[0x200..0x200 + header.len()].copy_from_slice(&header);
    image
}

/// A flat file whose Multiboot header says where everything goes.
pub fn multiboot_flat(code: &[u8]) -> Vec<u8> {
    let mut image = multiboot_header(1 << 16);
    let load_end = CODE_AT + 32 + code.len() as u32;
    for address in [CODE_AT, CODE_AT, load_end, load_end + 0x1000, CODE_AT + 32] {
        image.extend(address.to_le_bytes());
    }
    image.extend(code);
    image
}

/// Firmware that runs from the reset vector, in real mode: writes one line and exits with 0.
pub fn firmware() -> Vec<u8> {
    const CODE: usize = 0xff00;
    const RESET_VECTOR: usize = 0xfff0;
    let mut image = vec![0xf4; 0x1_0000];
    let code = [
        0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xb0, b'x', 0xee, // mov al, 'x'; out dx, al
        0xb0, b'\n', 0xee, // mov al, newline; out dx, al
        0xb0, 0x00, 0xe6, 0xf4, // mov al, 0; out 0xf4, al
    ];
    image[CODE..CODE + code.len()].copy_from_slice(&code);
    let distance = (CODE as u16)
        .wrapping_sub(RESET_VECTOR as u16 + 3)
        .to_le_bytes();
    image[RESET_VECTOR..RESET_VECTOR + 3].copy_from_slice(&[0xe9, distance[0], distance[1]]);
    image
}

fn multiboot_header(flags: u32) -> Vec<u8> {
    let magic: u32 = 0x1bad_b002;
    let checksum = 0u32.wrapping_sub(magic).wrapping_sub(flags);
    [magic, flags, checksum]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

fn elf64(code: &[u8], note: Option<&[u8]>) -> Vec<u8> {
    const PT_LOAD: u32 = 1;
    const PT_NOTE: u32 = 4;
    let note = note.unwrap_or_default();
    let mut image = vec![0; CODE_OFFSET];
    image[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    let put = |image: &mut [u8], at: usize, bytes: &[u8]| {
        image[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut image, 16, &2u16.to_le_bytes()); // ET_EXEC
    put(&mut image, 18, &62u16.to_le_bytes()); // EM_X86_64
    put(&mut image, 20, &1u32.to_le_bytes());
    put(&mut image, 24, &u64::from(CODE_AT).to_le_bytes());
    put(&mut image, 32, &(EHDR as u64).to_le_bytes());
    put(&mut image, 52, &(EHDR as u16).to_le_bytes());
    put(&mut image, 54, &(PHDR as u16).to_le_bytes());
    put(&mut image, 56, &2u16.to_le_bytes());
    let segments = [
        (
            PT_LOAD,
            CODE_OFFSET,
            CODE_AT,
            code.len(),
            code.len() + 0x1000,
        ),
        (PT_NOTE, 0x800, 0, note.len(), note.len()),
    ];
    for (index, (kind, offset, address, file_size, size)) in segments.into_iter().enumerate() {
        let at = EHDR + index * PHDR;
        put(&mut image, at, &kind.to_le_bytes());
        let words = [
            offset as u64,
            address.into(),
            address.into(),
            file_size as u64,
            size as u64,
            4,
        ];
        for (word, value) in words.into_iter().enumerate() {
            put(&mut image, at + 8 + word * 8, &value.to_le_bytes());
        }
    }
    put(&mut image, 0x800, note);
    image.extend(code);
    image
}
