//! Opcodes that are not supported, because `torch.save` does not write them.

/// Code, name and protocol.
const OPCODES: [(u8, &str, u8); 13] = [
    (b'F', "FLOAT", 0),
    (b'P', "PERSID", 0),
    (b'S', "STRING", 0),
    (b'V', "UNICODE", 0),
    (b'g', "GET", 0),
    (b'i', "INST", 0),
    (b'p', "PUT", 0),
    (b'o', "OBJ", 1),
    (0x82, "EXT1", 2),
    (0x83, "EXT2", 2),
    (0x84, "EXT4", 2),
    (0x97, "NEXT_BUFFER", 5),
    (0x98, "READONLY_BUFFER", 5),
];

/// Returns name and protocol of an unsupported opcode; `None` for other codes.
pub(super) fn find(code: u8) -> Option<(&'static str, u8)> {
    let found = OPCODES.iter().find(|(byte, ..)| *byte == code);
    found.map(|(_, name, protocol)| (*name, *protocol))
}
