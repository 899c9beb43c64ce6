use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct NoInterrupt;

impl Trigger for NoInterrupt {
    type E = std::io::Error;
    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

fn devices() -> Devices<NoInterrupt, Vec<u8>> {
    Devices::new(NoInterrupt, Vec::new(), &[0x600, 0x123])
}

#[test]
fn every_way_to_end_has_its_port() {
    for (port, data, end) in [
        (0xf4, vec![42], End::Exited { status: 42 }),
        (0xf4, vec![41], End::Exited { status: 41 }),
        (0x501, vec![41, 0], End::PoweredOff),
        (0x501, vec![41], End::PoweredOff),
        (0x501, vec![0], End::Exited { status: 0 }),
        (0x501, vec![41, 1], End::Exited { status: 297 }),
        (
            0x123,
            vec![1, 2, 3, 4],
            End::Exited {
                status: 0x0403_0201,
            },
        ),
        (0x604, vec![0x00, 0x20], End::PoweredOff),
        (0x64, vec![0xfe], End::Rebooted),
        (0xcf9, vec![0x06], End::Rebooted),
    ] {
        assert_eq!(
            devices().write(port, data.len(), &data),
            Effect::End(end),
            "{port:#x}"
        );
    }
    let panicked = devices().write(0x505, 1, &[1]);
    assert!(matches!(panicked, Effect::End(End::Panicked { .. })));
}

#[test]
fn string_output_reaches_the_console_whole() {
    let mut devices = devices();
    assert_eq!(devices.write(0x3f8, 1, b"tollgate\n"), Effect::None);
    assert_eq!(devices.serial.writer(), b"tollgate\n");
}

#[test]
fn string_input_takes_every_element_from_the_device() {
    let mut devices = devices();
    devices.type_in(b"toll");
    let mut data = [0; 4];
    assert_eq!(devices.read(0x3f8, 1, &mut data), Effect::None);
    assert_eq!(&data, b"toll");
}

#[test]
fn a_16_bit_write_goes_to_two_byte_registers() {
    let mut devices = devices();
    let mut word = [0xff; 2];
    // The second register reads as the interrupts that are enabled in it.
    devices.write(0x3f8, 2, &[b'x', 0b0010, b'y', 0b0001]);
    assert_eq!(devices.serial.writer(), b"xy");
    devices.type_in(b"z");
    devices.read(0x3f8, 2, &mut word);
    assert_eq!(word, [b'z', 0b0001]);
    // The clock's index and its value; there is nothing after it.
    devices.write(0x70, 2, &[0x0a, 0]);
    devices.read(0x71, 2, &mut word);
    assert_eq!(word, [0x26, 0xff]);
    let end = Effect::End(End::Rebooted);
    assert_eq!(devices.write(0x64, 2, &[0xfe, 0]), end);
}

#[test]
fn a_wide_register_takes_a_wide_access() {
    let mut devices = devices();
    devices.write(0x602, 2, &[0x21, 0x01]);
    let mut word = [0; 2];
    devices.read(0x602, 2, &mut word);
    assert_eq!(word, [0x21, 0x01]);
    // A write to PCI's address register is not a write to the reset register inside it.
    let address = 0x8000_0600u32.to_le_bytes();
    assert_eq!(devices.write(0xcf8, 4, &address), Effect::Unknown);
}

#[test]
fn an_unknown_port_reads_as_an_open_bus() {
    let mut data = [0; 4];
    assert_eq!(devices().read(0xcfc, 4, &mut data), Effect::Unknown);
    assert_eq!(data, [0xff; 4]);
}

#[test]
fn typed_bytes_wait_in_a_bounded_buffer() {
    let mut devices = devices();
    assert_eq!(devices.type_in(&[b'x'; 100]), 64);
    assert_eq!(devices.type_in(b"x"), 0);
    let mut byte = [0];
    devices.read(0x3f8, 1, &mut byte);
    assert_eq!(byte, *b"x");
    assert_eq!(devices.type_in(b"xx"), 1);
}

proptest! {
    #[test]
    fn no_access_panics(
        accesses in proptest::collection::vec(
            (any::<bool>(), any::<u16>(), 0usize..5, proptest::collection::vec(any::<u8>(), 0..9)),
            0..200,
        )
    ) {
        let mut devices = devices();
        for (is_write, port, width, mut data) in accesses {
            // Half of the accesses go to devices.
            let port = if port & 1 == 0 { port >> 5 } else { port };
            if is_write {
                devices.write(port, width, &data);
            } else {
                devices.read(port, width, &mut data);
            }
        }
    }
}
